/** Collects the keys that the kernel looks up by hash. */
import { SHAPES_MAX, VECTOR } from "../../native/layout.ts";
import { patternShape } from "../domain.ts";
import type { Rule } from "../model.ts";
import { type Ends, LeaseTable } from "./ends.ts";
import { type HashKey, SipHash } from "./hash.ts";
import { KeyTable } from "./key-table.ts";
import { hashCgroup, hashContainer, hashExe, hashMethod, hashPattern, hashUnit, hashUser } from "./keys.ts";
import type { VectorStore } from "./vectors.ts";

export interface Keys {
	readonly table: KeyTable;
	readonly leases: LeaseTable;
	/** SP_SHAPE() of each shape of pattern. */
	readonly shapes: Uint32Array;
	/** Distinct domain patterns. */
	readonly names: number;
}

/** Throws RangeError if there are more than SHAPES_MAX shapes. */
export function collectKeys(rules: readonly Rule[], hashKey: HashKey, ends: Ends, store: VectorStore): Keys {
	const hash = new SipHash(hashKey);
	const labels = new SipHash(hashKey);
	const table = new KeyTable();
	const shapes = new Set<number>();
	/** Adds a vector to that of the key that was hashed last. */
	const add = (vector: number, initial: number) => {
		const entry = table.entry(hash, initial);
		table.setVector(entry, store.union(table.vector(entry), vector));
	};
	for (const [patterns, of] of rulesBy(rules, ({ to }) => to.domain)) {
		const vector = store.of(of);
		for (const pattern of patterns) {
			shapes.add(shapeWord(pattern));
			hashPattern(hash, labels, pattern);
			add(vector, VECTOR.none);
		}
	}
	const names = table.count;
	if (shapes.size > SHAPES_MAX)
		throw new RangeError(`${shapes.size} shapes of domain patterns; the limit is ${SHAPES_MAX}`);

	for (const { index, from, to } of rules) {
		for (const method of to.method ?? []) {
			hashMethod(hash, method);
			add(store.of([index]), VECTOR.anyMethod);
		}
		for (const { dev, path } of from.exe ?? []) {
			hashExe(hash, dev, path);
			add(store.of([index]), VECTOR.anyExe);
		}
		for (const uid of from.user ?? []) {
			hashUser(hash, uid);
			add(store.of([index]), VECTOR.anyUser);
		}
		for (const unit of from.unit ?? []) {
			hashUnit(hash, unit);
			add(store.of([index]), VECTOR.none);
		}
		for (const container of from.container ?? []) {
			hashContainer(hash, container);
			add(store.of([index]), VECTOR.none);
		}
	}
	const leases = new LeaseTable(ends.sorted.length);
	for (const [cgroup, ranks] of ranksByCgroup(rules, ends)) {
		hashCgroup(hash, cgroup);
		const entry = table.entry(hash, VECTOR.none);
		const leftAfter = (passed: number) => store.of([...ranks].flatMap(([rule, rank]) => (rank > passed ? [rule] : [])));
		table.setVector(entry, leftAfter(0));
		if ([...ranks.values()].some(Number.isFinite))
			table.setLeases(entry, leases.add([leftAfter(0), ...ends.sorted.map((_, index) => leftAfter(index + 1))]));
	}
	return { table, leases, shapes: Uint32Array.from(shapes), names };
}

/** The lists of some condition, each with the rules that name it. Rules share the object of a list. */
export function rulesBy<T extends object>(
	rules: readonly Rule[],
	listsOf: (rule: Rule) => readonly T[] | null,
): [list: T, rules: number[]][] {
	const found = new Map<T, number[]>();
	for (const rule of rules) {
		for (const list of listsOf(rule) ?? []) {
			const known = found.get(list);
			if (known === undefined) found.set(list, [rule.index]);
			else known.push(rule.index);
		}
	}
	return [...found];
}

/** The rules that name each cgroup, with the rank of the last end by which they do. */
function ranksByCgroup(rules: readonly Rule[], ends: Ends): Map<string, Map<number, number>> {
	const found = new Map<string, Map<number, number>>();
	const add = (cgroup: string, rule: number, rank: number) => {
		const known = found.get(cgroup) ?? new Map<number, number>();
		known.set(rule, Math.max(known.get(rule) ?? 0, rank));
		found.set(cgroup, known);
	};
	for (const { index, from, leases } of rules) {
		if (leases === null) for (const cgroup of from.cgroup ?? []) add(cgroup, index, Number.POSITIVE_INFINITY);
		for (const { cgroups, end } of leases ?? []) for (const cgroup of cgroups ?? []) add(cgroup, index, ends.rank(end));
	}
	return found;
}

/** SP_SHAPE() of bpf/wire/policy.h. */
function shapeWord(pattern: string): number {
	const { labels, mask, many } = patternShape(pattern);
	return ((mask << 16) | (many << 8) | labels) >>> 0;
}
