/**
 * A policy in the form in which it is sent to another process: lists of a million prefixes or names are a few buffers.
 */
import type { Policy, Rule } from "../policy/model.ts";

type Names = readonly string[];
/** Many names as one text, one per line. */
type PackedNames = { readonly lines: string };

export type PackedPolicy = Omit<Policy, "rules"> & {
	readonly rules: readonly (Omit<Rule, "to"> & {
		readonly to: Omit<Rule["to"], "domain"> & { readonly domain: readonly (Names | PackedNames)[] | null };
	})[];
};

/** Packs lists of more than FEW names. */
export function pack(policy: Policy): PackedPolicy {
	/* Rules that name the same list share one object, here and after unpack(). */
	const lists = new Map<Names, Names | PackedNames>();
	const packed = (names: Names): Names | PackedNames => {
		if (names.length <= FEW) return names;
		const known = lists.get(names) ?? { lines: names.join("\n") };
		lists.set(names, known);
		return known;
	};
	const rules = policy.rules.map((rule) => ({
		...rule,
		to: { ...rule.to, domain: rule.to.domain?.map(packed) ?? null },
	}));
	return { ...policy, rules };
}

/** The reverse of pack(). Names are split when they are first read. */
export function unpack(policy: PackedPolicy): Policy {
	const lists = new Map<PackedNames, Names>();
	const unpacked = (names: PackedNames): Names => {
		const known = lists.get(names) ?? names.lines.split("\n");
		lists.set(names, known);
		return known;
	};
	const rules = policy.rules.map((rule): Rule => {
		const { domain, ...to } = rule.to;
		if (domain === null || !domain.some((names) => "lines" in names)) return rule as Rule;
		return {
			...rule,
			to: {
				...to,
				get domain() {
					return domain.map((names) => ("lines" in names ? unpacked(names) : names));
				},
			},
		};
	});
	return { ...policy, rules };
}

const FEW = 1_000;
