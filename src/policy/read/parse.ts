/** From the text of a policy file to a policy, or to everything that is wrong with it. */

import type { Environment, Policy } from "../model.ts";
import { checkPolicy } from "./check.ts";
import type { PolicyProblem } from "./problem.ts";
import { Report } from "./report.ts";
import { checkStructure } from "./schema.ts";
import { openSource } from "./source.ts";

/** Either a policy, or every problem that was found, in the order of the file. */
export type Parsed =
	| { readonly ok: true; readonly policy: Policy }
	| { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/**
 * Read a policy. Never throws for what the file says.
 *
 * @param text the YAML (or JSON) of the policy
 * @param file the name that problems show
 */
export function parsePolicy(text: string, file: string, environment: Environment): Parsed {
	const source = openSource(text, file);
	const report = new Report(source);
	report.problems.push(...source.problems);
	if (source.value === null) report.at([], "the policy is empty; it needs at least version: 1", "version: 1");
	if (source.value === undefined || source.value === null) return { ok: false, problems: report.sorted() };
	for (const { path, part, message, expected, suggestion } of checkStructure(source.value)) {
		report.at(path, message, expected, suggestion, part);
	}
	const policy = checkPolicy(source.value, environment, report);
	if (report.problems.length > 0) return { ok: false, problems: report.sorted() };
	return { ok: true, policy };
}
