/** Warnings about a valid policy: what it allows, or does not do, although its author may not expect that. */
import { type Environment, PHASES, type Policy, type Rule, ruleKey } from "../model.ts";
import { unreachableRules } from "../unreachable.ts";
import type { PolicyProblem } from "./problem.ts";
import { Report } from "./report.ts";
import { type RuleAt, warnOfRule } from "./rule-warnings.ts";
import type { PolicySource } from "./source.ts";
import { isRecord, itemsOf, listOf, recordOf } from "./values.ts";

/** The warnings in the order of the file. */
export function warningsOf(policy: Policy, source: PolicySource, environment: Environment): PolicyProblem[] {
	const report = new Report(source);
	const root = recordOf(source.value);
	if (policy.unread === "allow") report.at(["defaults", "unread"], UNREAD, "deny", "deny");
	if (enforcesNothing(policy, root)) report.at(["mode"], NO_DEFAULTS, "defaults", "defaults: { connect: deny }");
	warnOfLists(root, report);
	const unreachable = unreachableRules(policy);
	for (const at of rulesOf(policy, root)) {
		warnOfRule(at, policy, environment, report);
		const before = unreachable.get(ruleKey(at.rule));
		if (before !== undefined) report.at(at.path, notReached(at.rule, before), "a rule that can decide");
	}
	return report.sorted();
}

const UNREAD =
	"deny rules by domain, method or path do not hold for what cannot be read: a client that makes its ClientHello, " +
	"request or DNS question unreadable evades them; write unread: deny, or leave it out";

const NO_DEFAULTS =
	"mode enforce without defaults allows all that no rule denies; write defaults, such as defaults: { connect: deny, tls: deny }";

/* A policy of deny rules alone is a deny list, for which the default is right. */
function enforcesNothing({ mode, rules }: Policy, root: Record<string, unknown>): boolean {
	if (mode !== "enforce" || PHASES.some((phase) => recordOf(root["defaults"])[phase] !== undefined)) return false;
	return rules.every(({ action }) => action !== "deny") || rules.some(({ action }) => action === "allow");
}

/* An empty file is an error, unless the policy says that it may be empty. */
function warnOfLists(root: Record<string, unknown>, report: Report): void {
	for (const [name, list] of Object.entries(recordOf(root["lists"]))) {
		if (!isRecord(list) || !Array.isArray(list["items"])) continue;
		if (list["items"].length > 0 || list["allow_empty"] === true || !isNamed(root, `@${name}`)) continue;
		const message = `the list "${name}" has no entries, so it matches nothing; add entries, or write allow_empty: true`;
		report.at(["lists", name, "items"], message, "at least one entry", "allow_empty: true");
	}
}

function isNamed(root: Record<string, unknown>, reference: string): boolean {
	return writtenRules(root).some(({ written }) => {
		const to = recordOf(written["to"]);
		return ["cidr", "domain"].some((key) => (itemsOf(to[key], []) ?? []).some(({ value }) => value === reference));
	});
}

function writtenRules(root: Record<string, unknown>) {
	return listOf(root["groups"]).flatMap((groupValue, g) => {
		const group = recordOf(groupValue);
		return listOf(group["rules"]).map((value, r) => {
			const written = recordOf(value);
			const key = ruleKey({ group: String(group["name"]), name: String(written["name"]) });
			return { written, key, path: ["groups", g, "rules", r] };
		});
	});
}

function rulesOf({ rules }: Policy, root: Record<string, unknown>): RuleAt[] {
	const known = new Map<string, Rule>();
	for (const rule of rules.toReversed()) known.set(ruleKey(rule), rule);
	return writtenRules(root).flatMap(({ written, key, path }) => {
		const rule = known.get(key);
		return rule === undefined ? [] : [{ rule, written, path }];
	});
}

function notReached({ name }: Rule, before: Rule): string {
	return `rule "${name}" is never reached: rule "${before.name}" of group "${before.group}" matches all that it matches, and decides before; move it before that rule, or remove it`;
}
