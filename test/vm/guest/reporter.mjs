/** A vitest reporter that prints outcomes in the form of check.mjs: a line for each file and each failed test. */

/** @typedef {import("vitest/node").TestModule} TestModule */
/** @typedef {{ message: string, stacks?: readonly { file: string, line: number }[] | undefined }} Failure */

/** @param {number} ms */
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

export default class Lines {
	#module = "";

	/** @param {TestModule} module */
	onTestModuleStart(module) {
		this.#module = module.relativeModuleId;
	}

	/** @param {import("vitest/node").TestCase} test */
	onTestCaseResult(test) {
		const { state, errors } = test.result();
		const ms = test.diagnostic()?.duration ?? 0;
		if (state === "failed") print(`${this.#module}: ${test.fullName}`, false, describe(errors), ms);
		else process.stdout.write(`  ${state}: ${test.fullName}, ${seconds(ms)}\n`);
	}

	/** @param {TestModule} module */
	onTestModuleEnd(module) {
		const name = module.relativeModuleId;
		const states = [...module.children.allTests()].map((test) => test.result().state);
		/** @param {string} state */
		const count = (state) => states.filter((each) => each === state).length;
		for (const error of module.errors()) print(name, false, describe([error]), 0);
		const detail = ["passed", "failed", "skipped"].filter(count).map((state) => `${count(state)} ${state}`);
		print(name, count("failed") === 0 && module.errors().length === 0, detail.join(", "), module.diagnostic().duration);
	}
}

/** @param {readonly Failure[]} [errors] */
function describe(errors = []) {
	return errors.map(({ message, stacks }) => [message, where(stacks)].join(" ")).join("; ");
}

/** @param {Failure["stacks"]} stacks */
const where = (stacks) => (stacks?.[0] === undefined ? "" : `(${stacks[0].file}:${stacks[0].line})`);

/** @param {string} name @param {boolean} ok @param {string} detail @param {number} ms */
function print(name, ok, detail, ms) {
	process.stdout.write(`${JSON.stringify({ name, ok, detail, ms: Math.round(ms) })}\n`);
}
