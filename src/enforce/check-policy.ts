import { readFileSync } from "node:fs";
import { compile } from "../policy/compile.ts";
import { type Environment, ruleKey } from "../policy/model.ts";
import { parsePolicy } from "../policy/parse.ts";
import { type PolicyProblem, renderProblem } from "../policy/problem.ts";
import { assignSlots } from "../policy/slots.ts";

export interface PolicyReport {
	readonly file: string;
	readonly ok: boolean;
	readonly problems: readonly PolicyProblem[];
	/** The problems as lines: file:line:column: message. */
	readonly lines: readonly string[];
	readonly facts: {
		readonly mode: string;
		readonly rules: number;
		readonly prefixes: number;
		readonly names: number;
		readonly bytes: number;
	} | null;
}

/** Everything that loading would do, short of the kernel. */
export function checkPolicyFile(file: string, environment: Environment): PolicyReport {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		const message =
			(error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : (error as Error).message;
		return refused(file, [{ file, line: 1, column: 1, path: "", message, expected: "a policy file" }]);
	}
	return checkPolicyText(text, file, environment);
}

/** `file`: the name that problems show. */
export function checkPolicyText(text: string, file: string, environment: Environment): PolicyReport {
	const parsed = parsePolicy(text, file, environment);
	if (!parsed.ok) return refused(file, parsed.problems);
	const { policy } = parsed;
	try {
		const slots = assignSlots([], policy.rules.map(ruleKey), 1).byRule;
		const { meta } = compile(policy, { generation: 1, hashKey: [1, 2], slots });
		const facts = {
			mode: policy.mode,
			rules: policy.rules.length,
			prefixes: meta.prefixes.v4 + meta.prefixes.v6,
			names: meta.names,
			bytes: meta.bytes,
		};
		return { file, ok: true, problems: [], lines: [], facts };
	} catch (error) {
		return refused(file, [{ file, line: 1, column: 1, path: "", message: (error as Error).message, expected: "" }]);
	}
}

function refused(file: string, problems: readonly PolicyProblem[]): PolicyReport {
	return { file, ok: false, problems, lines: problems.map(renderProblem), facts: null };
}
