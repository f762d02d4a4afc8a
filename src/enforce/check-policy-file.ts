import { readFileSync } from "node:fs";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import type { Environment } from "../policy/model.ts";
import { unreadable } from "../policy/read/problem.ts";
import { checkPolicy } from "./build-policy.ts";

/** Everything that loading would do, short of the kernel. */
export function checkPolicyFile(file: string, environment: Environment): PolicyCheck {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		return { ok: false, problems: [unreadable(file, error)], facts: null };
	}
	return checkPolicy(text, file, environment);
}
