/**
 * A policy in the form in which it is posted to another thread: lists of a million prefixes or names are a few buffers.
 */
import type { Policy, PrefixSet, Rule } from "../policy/model.ts";

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

/** The buffers to transfer instead of copying, each once. */
export function transferable({ rules }: PackedPolicy, rows: Uint8Array): ArrayBuffer[] {
	const buffers = new Set([rows.buffer as ArrayBuffer]);
	for (const { to } of rules)
		for (const set of to.cidr ?? []) for (const each of ARRAYS) buffers.add(bufferOf(set, each));
	return [...buffers];
}

const ARRAYS = ["v4", "v4Length", "v6", "v6Length"] as const;
const FEW = 1_000;

function bufferOf(set: PrefixSet, array: (typeof ARRAYS)[number]): ArrayBuffer {
	return set[array].buffer as ArrayBuffer;
}
