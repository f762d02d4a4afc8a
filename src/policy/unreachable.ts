/** Rules that never decide, because an earlier rule matches all that they match. */
import { patternCovers } from "./host-names.ts";
import { type Policy, type PrefixSet, type Rule, ruleKey } from "./model.ts";
import { phasesOf } from "./phases.ts";

/** The keys of rules that no packet or request reaches, each with the rule that decides before. */
export function unreachableRules({ rules }: Policy): ReadonlyMap<string, Rule> {
	const found = new Map<string, Rule>();
	const reached = new Set<string>();
	for (const rule of rules) {
		const before = rules.slice(0, rule.index).find((each) => decidesFor(each, rule));
		if (before === undefined) reached.add(ruleKey(rule));
		else found.set(ruleKey(rule), before);
	}
	/* The parts of a preset are one rule. */
	for (const key of reached) found.delete(key);
	return found;
}

function decidesFor(before: Rule, rule: Rule): boolean {
	if (before.action === "alert" || ruleKey(before) === ruleKey(rule)) return false;
	/* Deny and alert rules hold for what is unknown or unread, and allow rules do not. */
	if (before.action !== rule.action && !isCertain(before)) return false;
	const phases = phasesOf(before);
	return phasesOf(rule).every((phase) => phases.includes(phase)) && covers(before, rule);
}

function isCertain({ to, from }: Rule): boolean {
	const uncertain = [to.domain, to.method, to.path, to.status, ...Object.values(from)];
	return uncertain.every((condition) => condition === null);
}

function covers({ to, from }: Rule, other: Rule): boolean {
	return (
		within(other.to.protocol, to.protocol, (a, b) => a === b) &&
		within(other.to.ports, to.ports, isRangeWithin) &&
		within(other.to.status, to.status, isRangeWithin) &&
		within(other.to.method, to.method, (a, b) => a === b) &&
		within(other.to.path, to.path, (a, b) => a === b || b === "**") &&
		within(other.from.user, from.user, (a, b) => a === b) &&
		within(other.from.unit, from.unit, (a, b) => a === b) &&
		within(other.from.container, from.container, (a, b) => a === b || b === "*") &&
		within(other.from.cgroup, from.cgroup, (a, b) => a === b || a.startsWith(`${b}/`)) &&
		within(other.from.exe, from.exe, (a, b) => a.dev === b.dev && a.path === b.path) &&
		within(other.to.domain, to.domain, areNamesWithin) &&
		within(other.to.cidr, to.cidr, arePrefixesWithin)
	);
}

/** Whether each of `inner` is within one of `outer`; null is everything. */
function within<T>(inner: readonly T[] | null, outer: readonly T[] | null, isWithin: (a: T, b: T) => boolean): boolean {
	if (outer === null) return true;
	return inner?.every((a) => outer.some((b) => a === b || isWithin(a, b))) ?? false;
}

interface Range {
	readonly low: number;
	readonly high: number;
}

function isRangeWithin(a: Range, b: Range): boolean {
	return b.low <= a.low && a.high <= b.high;
}

function areNamesWithin(inner: readonly string[], outer: readonly string[]): boolean {
	if (inner.length * outer.length > PAIRS) return false;
	return inner.every((a) => outer.some((b) => a === b || b === "**" || (!a.includes("*") && patternCovers(b, a))));
}

function arePrefixesWithin(inner: PrefixSet, outer: PrefixSet): boolean {
	const [inners, outers] = [prefixesOf(inner), prefixesOf(outer)];
	if (inners === null || outers === null) return inners?.length === 0;
	return inners.every((a) => outers.some((b) => b.length <= a.length && a.bits.startsWith(b.bits.slice(0, b.length))));
}

interface Prefix {
	/** "4" or "6" and the bits of the address, so that families differ. */
	readonly bits: string;
	/** Of the characters that count. */
	readonly length: number;
}

/** Null: too many to be compared. */
function prefixesOf({ v4, v4Length, v6, v6Length }: PrefixSet): Prefix[] | null {
	if (v4.length + v6Length.length > FEW) return null;
	const bits = (word: number) => word.toString(2).padStart(32, "0");
	const four = [...v4].map((word, at) => ({ bits: `4${bits(word)}`, length: 1 + v4Length[at]! }));
	const six = [...v6Length].map((length, at) => {
		const words = [...v6.subarray(4 * at, 4 * at + 4)];
		return { bits: `6${words.map(bits).join("")}`, length: 1 + length };
	});
	return [...four, ...six];
}

/** Bounds of what is compared: a list of thousands of prefixes is rarely within another. */
const FEW = 32;
const PAIRS = 10_000;
