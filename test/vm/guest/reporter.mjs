/** vitest's outcome as lines of a guest (check.mjs): one a file and one a test. */
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

export default class Lines {
	#module = "";

	onTestModuleStart(module) {
		this.#module = module.relativeModuleId;
	}

	onTestCaseResult(test) {
		const { state, errors } = test.result();
		const ms = test.diagnostic()?.duration ?? 0;
		if (state === "failed") tell(`${this.#module}: ${test.fullName}`, false, said(errors), ms);
		else process.stdout.write(`  ${state}: ${test.fullName}, ${seconds(ms)}\n`);
	}

	onTestModuleEnd(module) {
		const name = module.relativeModuleId;
		const states = [...module.children.allTests()].map((test) => test.result().state);
		const count = (state) => states.filter((each) => each === state).length;
		for (const error of module.errors()) tell(name, false, said([error]), 0);
		const detail = ["passed", "failed", "skipped"].filter(count).map((state) => `${count(state)} ${state}`);
		tell(name, count("failed") === 0 && module.errors().length === 0, detail.join(", "), module.diagnostic().duration);
	}
}

function said(errors) {
	return errors.map(({ message, stacks }) => [message, where(stacks)].join(" ")).join("; ");
}

const where = (stacks) => (stacks?.[0] === undefined ? "" : `(${stacks[0].file}:${stacks[0].line})`);

function tell(name, ok, detail, ms) {
	process.stdout.write(`${JSON.stringify({ name, ok, detail, ms: Math.round(ms) })}\n`);
}
