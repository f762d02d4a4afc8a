/** Overlays above the policy of the file. docs/overlays.md describes them, docs/decisions/0016-overlays.md why. */
import { ENDS_MAX, RULES_MAX } from "../native/layout.ts";
import type { Lease, Policy, Rule } from "./model.ts";

/** Overlays that are in force together. */
export const OVERLAYS_MAX = ENDS_MAX;

/** A checked overlay. */
export interface Overlay {
	readonly name: string;
	/** A cgroup and those below, relative to the watched cgroup as `from.cgroup`; null: everything. */
	readonly scope: string | null;
	/** CLOCK_BOOTTIME [ms]; null: none. */
	readonly end: number | null;
	/** In the order in which they are tried. Their `group` and `index` are replaced. */
	readonly rules: readonly Rule[];
	/** Equal for overlays with equal rules only. */
	readonly content: string;
}

/** The group of an overlay's rules. A group of a file cannot begin with "@". */
export function overlayGroup(name: string): string {
	return `@${name}`;
}

/**
 * The policy with these overlays instead of those that it has. The order is: final rules of the file, overlays, other
 * rules of the file. Throws RangeError beyond a limit.
 *
 * @param overlays the oldest first; a later one comes before it in the policy
 */
export function layered(policy: Policy, overlays: readonly Overlay[]): Policy {
	const own = policy.rules.filter(({ leases }) => leases === null);
	const final = own.filter((rule) => rule.final);
	const above = setsOf(overlays).toReversed().flatMap(rulesOf);
	const rules = [...final, ...above, ...own.slice(final.length)].map((rule, index) => ({ ...rule, index }));
	if (overlays.length > OVERLAYS_MAX) throw new RangeError(`${overlays.length} overlays; the limit is ${OVERLAYS_MAX}`);
	if (rules.length > RULES_MAX) {
		throw new RangeError(
			`${own.length} rules of the policy and ${above.length} of overlays; the limit is ${RULES_MAX} together`,
		);
	}
	return { ...policy, rules };
}

/** The policy without the overlays that have ended. Rules keep their index. `now`: CLOCK_BOOTTIME [ms] */
export function atTime(policy: Policy, now: number): Policy {
	if (!policy.rules.some(({ leases }) => leases?.some(({ end }) => end !== null && end <= now))) return policy;
	const rules = policy.rules.flatMap((rule) => {
		if (rule.leases === null) return [rule];
		const left = rule.leases.filter(({ end }) => end === null || end > now);
		return left.length === 0 ? [] : [withLeases(rule, left)];
	});
	return { ...policy, rules };
}

/** The overlay by which a rule matches a client: the newest whose scope has it. Null: a rule of the file. */
export function overlayOf({ leases }: Pick<Rule, "leases">, cgroup: string | null): string | null {
	if (leases === null) return null;
	const matching = leases.find(({ cgroups }) => cgroups === null || cgroups.some((each) => isWithin(cgroup, each)));
	return (matching ?? leases[0])?.overlay ?? null;
}

/** Overlays that share their rules, the newest last. */
interface RuleSet {
	readonly content: string;
	readonly overlays: Overlay[];
}

/*
 * An overlay joins an older one with equal rules if all overlays between the two apply elsewhere: then its place among
 * them does not matter.
 */
function setsOf(overlays: readonly Overlay[]): RuleSet[] {
	const sets: RuleSet[] = [];
	for (const overlay of overlays) {
		const known = overlay.scope === null ? null : sharedSet(sets, overlay);
		if (known === null) sets.push({ content: overlay.content, overlays: [overlay] });
		else known.overlays.push(overlay);
	}
	return sets;
}

function sharedSet(sets: readonly RuleSet[], { content, scope }: Overlay): RuleSet | null {
	for (const set of sets.toReversed()) {
		const isScoped = set.overlays.every((each) => each.scope !== null);
		if (set.content === content && isScoped) return set;
		if (set.overlays.some((each) => overlap(each.scope, scope))) return null;
	}
	return null;
}

function rulesOf({ content, overlays }: RuleSet): Rule[] {
	const [first] = overlays;
	if (first === undefined) return [];
	const group = overlays.length === 1 ? overlayGroup(first.name) : `@shared-${content.slice(0, SHOWN)}`;
	return first.rules.flatMap((rule) => {
		const leases = overlays.toReversed().flatMap((each) => leaseOf(rule, each));
		return leases.length === 0 ? [] : [{ ...withLeases(rule, leases), group, final: false }];
	});
}

/* None if the rule names only cgroups outside of the scope. */
function leaseOf({ from }: Rule, { name, scope, end }: Overlay): Lease[] {
	const cgroups = scope === null ? from.cgroup : from.cgroup === null ? [scope] : within(from.cgroup, scope);
	return cgroups?.length === 0 ? [] : [{ overlay: name, cgroups, end }];
}

/** The parts of the cgroups that are in the scope. */
function within(cgroups: readonly string[], scope: string): string[] {
	return [
		...new Set(cgroups.flatMap((each) => (isWithin(each, scope) ? [each] : isWithin(scope, each) ? [scope] : []))),
	];
}

function withLeases(rule: Rule, leases: readonly Lease[]): Rule {
	const all = leases.map(({ cgroups }) => cgroups);
	const cgroup = all.includes(null) ? null : [...new Set(all.flatMap((some) => some ?? []))];
	return { ...rule, leases, from: { ...rule.from, cgroup } };
}

function overlap(a: string | null, b: string | null): boolean {
	return a === null || b === null || isWithin(a, b) || isWithin(b, a);
}

/** Whether a cgroup is another one, or below it. */
function isWithin(cgroup: string | null, other: string): boolean {
	return cgroup !== null && (cgroup === other || cgroup.startsWith(`${other}/`));
}

/** Characters of a rule set's hash in the name of its group. */
const SHOWN = 8;
