import type { Environment, Policy } from "../model.ts";
import { checkPolicy } from "./check.ts";
import type { PolicyProblem } from "./problem.ts";
import { Report } from "./report.ts";
import { checkStructure } from "./schema.ts";
import { openSource } from "./source.ts";

/** A policy, or all its problems in the order of the file. */
export type Parsed =
	| { readonly ok: true; readonly policy: Policy }
	| { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/**
 * Parses and checks a policy. Problems of the policy are returned; only errors of `environment` are thrown.
 *
 * @param text the YAML (or JSON) of the policy
 * @param file its name in the problems
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
