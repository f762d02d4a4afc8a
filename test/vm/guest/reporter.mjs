/** vitest's outcome as lines of a guest (check.mjs): one a file, and one a test that fails. */
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

export default class Lines {
	onTestModuleEnd(module) {
		const name = module.relativeModuleId;
		const tests = [...module.children.allTests()];
		const of = (state) => tests.filter((test) => test.result().state === state);
		const [passed, failed, skipped] = [of("passed"), of("failed"), of("skipped")];
		for (const test of failed)
			tell(`${name}: ${test.fullName}`, false, said(test.result().errors), test.diagnostic()?.duration ?? 0);
		for (const error of module.errors()) tell(name, false, said([error]), 0);
		const slow = tests.map((test) => [test.diagnostic()?.duration ?? 0, test.name]).sort(([a], [b]) => b - a)[0];
		const detail = [`${passed.length} passed`];
		if (failed.length > 0) detail.push(`${failed.length} failed`);
		if (skipped.length > 0) detail.push(`${skipped.length} skipped`);
		if (slow !== undefined) detail.push(`longest ${seconds(slow[0])} (${slow[1]})`);
		tell(name, failed.length === 0 && module.errors().length === 0, detail.join(", "), module.diagnostic().duration);
	}
}

function said(errors) {
	return errors.map(({ message, stacks }) => [message, where(stacks)].join(" ")).join("; ");
}

const where = (stacks) => (stacks?.[0] === undefined ? "" : `(${stacks[0].file}:${stacks[0].line})`);

function tell(name, ok, detail, ms) {
	process.stdout.write(`${JSON.stringify({ name, ok, detail, ms: Math.round(ms) })}\n`);
}
