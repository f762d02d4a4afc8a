/** Collects the keys that the kernel looks up by hash. */
import { SHAPES_MAX, VECTOR } from "../../native/layout.ts";
import { patternShape } from "../domain.ts";
import type { Rule } from "../model.ts";
import { type HashKey, SipHash } from "./hash.ts";
import { KeyTable } from "./key-table.ts";
import { hashCgroup, hashContainer, hashExe, hashMethod, hashPattern, hashUnit, hashUser } from "./keys.ts";
import type { VectorStore } from "./vectors.ts";

export interface Keys {
	readonly table: KeyTable;
	/** SP_SHAPE() of each shape of pattern. */
	readonly shapes: Uint32Array;
	/** Distinct domain patterns. */
	readonly names: number;
}

/** Throws RangeError if there are more than SHAPES_MAX shapes. */
export function collectKeys(rules: readonly Rule[], hashKey: HashKey, store: VectorStore): Keys {
	const hash = new SipHash(hashKey);
	const labels = new SipHash(hashKey);
	const table = new KeyTable();
	const shapes = new Set<number>();
	/** Adds a rule to the vector of the key that was hashed last. */
	const add = (rule: number, initial: number) => {
		const entry = table.entry(hash, initial);
		table.setVector(entry, store.with(table.vector(entry), rule));
	};
	for (const { index, to } of rules) {
		for (const patterns of to.domain ?? []) {
			for (const pattern of patterns) {
				shapes.add(shapeWord(pattern));
				hashPattern(hash, labels, pattern);
				add(index, VECTOR.none);
			}
		}
	}
	const names = table.count;
	if (shapes.size > SHAPES_MAX)
		throw new RangeError(`${shapes.size} shapes of domain patterns; the limit is ${SHAPES_MAX}`);

	for (const { index, from, to } of rules) {
		for (const method of to.method ?? []) {
			hashMethod(hash, method);
			add(index, VECTOR.anyMethod);
		}
		for (const { dev, path } of from.exe ?? []) {
			hashExe(hash, dev, path);
			add(index, VECTOR.anyExe);
		}
		for (const uid of from.user ?? []) {
			hashUser(hash, uid);
			add(index, VECTOR.anyUser);
		}
		for (const unit of from.unit ?? []) {
			hashUnit(hash, unit);
			add(index, VECTOR.none);
		}
		for (const container of from.container ?? []) {
			hashContainer(hash, container);
			add(index, VECTOR.none);
		}
		for (const cgroup of from.cgroup ?? []) {
			hashCgroup(hash, cgroup);
			add(index, VECTOR.none);
		}
	}
	return { table, shapes: Uint32Array.from(shapes), names };
}

/** SP_SHAPE() of bpf/wire/policy.h. */
function shapeWord(pattern: string): number {
	const { labels, mask, many } = patternShape(pattern);
	return ((mask << 16) | (many << 8) | labels) >>> 0;
}
