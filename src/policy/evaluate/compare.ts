import { formatAddress } from "../cidr.ts";
import { type Environment, type Policy, type Rule, ruleKey } from "../model.ts";
import { parsePolicy } from "../read/parse.ts";
import { renderProblem } from "../read/problem.ts";
import { type DecidedOtherwise, decidedOtherwise, type RecordedConnection } from "./replay-records.ts";

export interface Comparison {
	/** One line for each problem of the two policies. With problems there are no changes. */
	readonly problems: readonly string[];
	readonly changes: readonly Change[];
	/** The recorded connections that only one of the policies allows. */
	readonly decidedOtherwise: (records: Iterable<RecordedConnection>) => readonly DecidedOtherwise[];
}

export interface Change {
	readonly kind: "added" | "removed" | "changed" | "moved" | "setting";
	/** A rule as group/rule, or the name of a setting. */
	readonly what: string;
	/** One entry for each condition that differs, or for the setting. */
	readonly details: readonly Detail[];
}

export interface Detail {
	readonly field: string;
	readonly before: string | null;
	readonly after: string | null;
}

export interface Side {
	readonly text: string;
	readonly source: string;
	readonly environment: Environment;
}

/** The differences between two policies: settings, then rules in the order of `after`, then removed rules. */
export function comparePolicies(before: Side, after: Side): Comparison {
	const [old, next] = [before, after].map(({ text, source, environment }) => parsePolicy(text, source, environment));
	const problems = [old, next].flatMap((each) =>
		each === undefined || each.ok ? [] : each.problems.map(renderProblem),
	);
	if (old?.ok !== true || next?.ok !== true) return { problems, changes: [], decidedOtherwise: () => [] };
	const [was, is] = [old.policy, next.policy];
	return {
		problems,
		changes: [...settings(was, is), ...rules(was, is)],
		decidedOtherwise: (records) => decidedOtherwise(was, is, records, after.environment),
	};
}

function settings(before: Policy, after: Policy): Change[] {
	const of = ({
		mode,
		nameBinding,
		defaults,
		unread,
		denyErrno,
		resolvers,
		search,
		ttl,
	}: Policy): Record<string, string> => ({
		mode,
		...Object.fromEntries(Object.entries(defaults).map(([phase, verdict]) => [`defaults.${phase}`, verdict])),
		"defaults.unread": unread,
		name_binding: nameBinding,
		deny_errno: String(denyErrno),
		resolvers: resolvers.join(", "),
		search: search.join(", "),
		"ttl.floor": String(ttl.floor),
		"ttl.grace": String(ttl.grace),
	});
	const [old, next] = [of(before), of(after)];
	return Object.entries(next)
		.filter(([field, value]) => old[field] !== value)
		.map(([what, value]) => ({
			kind: "setting",
			what,
			details: [{ field: what, before: old[what] ?? null, after: value }],
		}));
}

function rules(before: Policy, after: Policy): Change[] {
	const old = new Map(before.rules.map((rule) => [ruleKey(rule), rule]));
	const next = new Map(after.rules.map((rule) => [ruleKey(rule), rule]));
	const moved = movedOf(
		[...old.keys()].filter((key) => next.has(key)),
		[...next.keys()].filter((key) => old.has(key)),
	);
	const changes: Change[] = [];
	for (const [key, rule] of next) {
		const was = old.get(key);
		if (was === undefined) {
			changes.push({ kind: "added", what: key, details: differences(null, rule) });
			continue;
		}
		const details = differences(was, rule);
		if (details.length > 0) changes.push({ kind: "changed", what: key, details });
		if (moved.has(key)) {
			const [from, to] = [was.index + 1, rule.index + 1].map(String);
			changes.push({
				kind: "moved",
				what: key,
				details: [{ field: "place", before: from ?? null, after: to ?? null }],
			});
		}
	}
	for (const [key, rule] of old)
		if (!next.has(key)) changes.push({ kind: "removed", what: key, details: differences(rule, null) });
	return changes;
}

/**
 * The smallest set of rules whose move turns one order into the other: those outside a longest increasing subsequence.
 */
function movedOf(before: readonly string[], after: readonly string[]): Set<string> {
	const indexBefore = new Map(before.map((key, index) => [key, index]));
	const order = after.map((key) => indexBefore.get(key) ?? 0);
	const tails: number[] = [];
	const previous: (number | undefined)[] = [];
	order.forEach((rank, index) => {
		let low = 0;
		for (let high = tails.length; low < high; ) {
			const middle = (low + high) >> 1;
			if ((order[tails[middle] ?? 0] ?? 0) < rank) low = middle + 1;
			else high = middle;
		}
		previous[index] = low > 0 ? tails[low - 1] : undefined;
		tails[low] = index;
	});
	const moved = new Set(after);
	for (let at = tails.at(-1); at !== undefined; at = previous[at]) moved.delete(after[at] ?? "");
	return moved;
}

function differences(before: Rule | null, after: Rule | null): Detail[] {
	const [old, next] = [before, after].map((rule) => (rule === null ? {} : conditions(rule)));
	const fields = [...new Set([...Object.keys(old ?? {}), ...Object.keys(next ?? {})])];
	return fields
		.map((field) => ({ field, before: old?.[field] ?? null, after: next?.[field] ?? null }))
		.filter((each) => each.before?.same !== each.after?.same)
		.map(({ field, before: was, after: is }) => ({ field, before: was?.shown ?? null, after: is?.shown ?? null }));
}

interface Text {
	/** Compared; of any length. */
	readonly same: string;
	/** Shown; at most SHOWN values. */
	readonly shown: string;
}

function conditions({ action, final, phases, preset, to: own, from }: Rule): Record<string, Text> {
	/* The conditions of a preset's parts are not in the file. */
	const to: Rule["to"] = preset === null ? own : NO_CONDITIONS;
	const all: Record<string, Text | null> = {
		action: { same: action, shown: action },
		final: final ? { same: "true", shown: "true" } : null,
		"to.preset": list(preset === null ? null : [preset]),
		phases: list(phases),
		"to.domain": list(to.domain?.flat()),
		"to.cidr": to.cidr === null ? null : prefixes(to.cidr),
		"to.ports": list(to.ports?.map(({ low, high }) => (low === high ? String(low) : `${low}-${high}`))),
		"to.protocol": list(to.protocol?.map(String)),
		"to.method": list(to.method),
		"to.path": list(to.path),
		"to.status": list(to.status?.map(({ low, high }) => (low === high ? String(low) : `${low}-${high}`))),
		"from.exe": list(from.exe?.map(({ written }) => written)),
		"from.user": list(from.user?.map(String)),
		"from.unit": list(from.unit),
		"from.container": list(from.container),
		"from.cgroup": list(from.cgroup),
	};
	return Object.fromEntries(Object.entries(all).filter((each): each is [string, Text] => each[1] !== null));
}

function list(values: readonly string[] | null | undefined): Text | null {
	if (values === null || values === undefined) return null;
	const sorted = [...new Set(values)].sort();
	const more = sorted.length > SHOWN ? ` and ${sorted.length - SHOWN} more` : "";
	return { same: sorted.join("\n"), shown: `${sorted.slice(0, SHOWN).join(", ")}${more}` };
}

function prefixes(sets: NonNullable<Rule["to"]["cidr"]>): Text {
	const texts: string[] = [];
	for (const { v4, v4Length, v6, v6Length } of sets) {
		for (const [at, w3] of v4.entries())
			texts.push(`${formatAddress({ version: 4, w0: 0, w1: 0, w2: 0, w3 })}/${v4Length[at]}`);
		for (const [at, length] of v6Length.entries()) {
			const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = v6.subarray(at * 4, at * 4 + 4);
			texts.push(`${formatAddress({ version: 6, w0, w1, w2, w3 })}/${length}`);
		}
	}
	return list(texts) ?? { same: "", shown: "" };
}

const NO_CONDITIONS: Rule["to"] = {
	cidr: null,
	ports: null,
	protocol: null,
	domain: null,
	method: null,
	path: null,
	status: null,
};
const SHOWN = 5;
