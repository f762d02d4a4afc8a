import type { Environment, Policy } from "../model.ts";
import { checkPolicy } from "./check.ts";
import type { PolicyProblem } from "./problem.ts";
import { Report } from "./report.ts";
import { checkStructure } from "./schema.ts";
import { openSource, type PolicySource } from "./source.ts";
import { warningsOf } from "./warnings.ts";

/** A policy, or all its problems in the order of the file. */
export type Parsed =
	| {
			readonly ok: true;
			readonly policy: Policy;
			readonly warnings: readonly PolicyProblem[];
			/** The problem of a policy that is too large for the kernel, at its largest list. */
			tooLarge(message: string): PolicyProblem;
	  }
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
	for (const problem of source.problems) report.problems.push(problem);
	if (source.value === null) report.at([], "the policy is empty; it needs at least version: 1", "version: 1");
	if (source.value === undefined || source.value === null) return { ok: false, problems: report.sorted() };
	for (const { path, part, message, expected, suggestion } of checkStructure(source.value)) {
		report.at(path, message, expected, suggestion, part);
	}
	const policy = checkPolicy(source.value, environment, report);
	if (report.problems.length > 0) return { ok: false, problems: report.sorted() };
	return {
		ok: true,
		policy,
		warnings: warningsOf(policy, source, environment),
		tooLarge: (message) => tooLarge(message, policy, source),
	};
}

function tooLarge(message: string, { lists }: Policy, source: PolicySource): PolicyProblem {
	const report = new Report(source);
	const largest = lists.toSorted((a, b) => b.prefixes + b.names - a.prefixes - a.names)[0];
	if (largest === undefined) report.at(["groups"], message, "fewer rules", undefined, "key");
	else {
		const { name, prefixes, names } = largest;
		const text = `${message}; the largest list is "${name}" with ${prefixes + names} entries`;
		report.at(["lists", name], text, "shorter lists", undefined, "key");
	}
	return report.problems[0]!;
}
