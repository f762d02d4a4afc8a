/** A policy on its way from one thread to another: a million prefixes or names cross as a few buffers. */
import type { Policy, PrefixSet, Rule } from "../policy/model.ts";

type Names = readonly string[];
/** Many names as one text, a line each. */
type PackedNames = { readonly lines: string };

export type PackedPolicy = Omit<Policy, "rules"> & {
	readonly rules: readonly (Omit<Rule, "to"> & {
		readonly to: Omit<Rule["to"], "domain"> & { readonly domain: readonly (Names | PackedNames)[] | null };
	})[];
};

export function pack(policy: Policy): PackedPolicy {
	/* A list that several rules name is one object, and stays one. */
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

/** Names are taken apart when someone looks at them for the first time. */
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

/** Buffers that change hands: each once. */
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
