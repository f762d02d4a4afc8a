/** The ends of overlays, as bpf/wire/policy.h describes them. */
import { ENDS_MAX, POLICY_HEAD, ROW } from "../../native/layout.ts";
import type { Rule } from "../model.ts";
import type { VectorStore } from "./vectors.ts";

/** The distinct ends of the rules of a policy. */
export class Ends {
	/** CLOCK_BOOTTIME [ns], ascending. */
	readonly sorted: readonly bigint[];
	readonly #ranks: ReadonlyMap<bigint, number>;

	/** Throws RangeError if there are more than ENDS_MAX. */
	constructor(rules: readonly Rule[]) {
		const all = rules.flatMap(({ leases }) => leases ?? []).flatMap(({ end }) => (end === null ? [] : [nsOf(end)]));
		this.sorted = [...new Set(all)].sort((a, b) => (a < b ? -1 : 1));
		if (this.sorted.length > ENDS_MAX)
			throw new RangeError(`${this.sorted.length} different ends of overlays; the limit is ${ENDS_MAX}`);
		this.#ranks = new Map(this.sorted.map((end, index) => [end, index + 1]));
	}

	/** The number of ends that have passed once this one has; infinity: it never passes. */
	rank(end: number | null): number {
		return end === null ? Number.POSITIVE_INFINITY : this.#ranks.get(nsOf(end))!;
	}

	/** The rank of the last end of a rule. */
	lastOf({ leases }: Rule): number {
		return leases === null ? Number.POSITIVE_INFINITY : Math.max(...leases.map(({ end }) => this.rank(end)));
	}

	/** Appends the rules that are left when 1, 2, ... ends have passed. Returns the number of the first vector, minus 1. */
	writeLeft(rules: readonly Rule[], store: VectorStore): number {
		const before = store.count - 1;
		const last = rules.map((rule) => this.lastOf(rule));
		for (let passed = 1; passed <= this.sorted.length; passed++)
			store.append(rules.flatMap(({ index }, at) => (last[at]! > passed ? [index] : [])));
		return before;
	}

	/** The sorted ends as rows; null: there are none. */
	rows(): Uint8Array | null {
		if (this.sorted.length === 0) return null;
		const rows = new BigUint64Array(ENDS_MAX).fill(NEVER);
		rows.set(this.sorted);
		return new Uint8Array(rows.buffer);
	}
}

/** Vectors of the keys that change with the number of ends that have passed. */
export class LeaseTable {
	readonly #each: Uint32Array[] = [];
	readonly #rowsEach: number;

	/** `ends`: the number of different ends */
	constructor(ends: number) {
		this.#rowsEach = Math.ceil((ends + 1) / (ROW / 4));
	}

	/** `vectors`: by the number of ends that have passed. Returns the row, from the first row of the table. */
	add(vectors: readonly number[]): number {
		const words = new Uint32Array((this.#rowsEach * ROW) / 4);
		words.set(vectors);
		this.#each.push(words);
		return (this.#each.length - 1) * this.#rowsEach;
	}

	words(): Uint32Array {
		const all = new Uint32Array((this.#each.length * this.#rowsEach * ROW) / 4);
		for (const [index, words] of this.#each.entries()) all.set(words, index * words.length);
		return all;
	}
}

/**
 * Moves the ends in a compiled policy, which a boot takes from the clock of an earlier boot to its own.
 *
 * @param by [ms]
 */
export function shiftEnds(rows: Uint8Array, by: number): void {
	const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
	if (view.getBigUint64(POLICY_HEAD.firstEnd, true) === 0n) return;
	const first = view.getUint32(POLICY_HEAD.endsRow, true) * ROW;
	const shift = BigInt(Math.round(by)) * NS;
	for (let at = first; at < first + ENDS_MAX * 8; at += 8) {
		const end = view.getBigUint64(at, true);
		/* 0 would mean that there is no end. */
		if (end !== NEVER) view.setBigUint64(at, end + shift > 0n ? end + shift : 1n, true);
	}
	view.setBigUint64(POLICY_HEAD.firstEnd, view.getBigUint64(first, true), true);
}

function nsOf(end: number): bigint {
	const ns = BigInt(Math.round(end)) * NS;
	return ns > 0n ? ns : 1n;
}

/** Of a millisecond. */
const NS = 1_000_000n;
const NEVER = 2n ** 64n - 1n;
