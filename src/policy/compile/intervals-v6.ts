/** intervals.ts for 128-bit keys: the same sweep over addresses of four words. */
import { wordMask } from "../cidr.ts";
import { type Intervals, type RulePrefixes, SOURCE_BITS, SOURCE_MASK } from "./intervals.ts";
import { sortPairs } from "./sort.ts";
import type { VectorStore } from "./vectors.ts";

/** @param base vector of an address in no prefix */
export function intervalsV6(sources: readonly RulePrefixes[], base: number, store: VectorStore): Intervals {
	const total = sources.reduce((sum, { set }) => sum + set.v6Length.length, 0);
	const starts = new Uint32Array(4 * total);
	const tags = new Uint32Array(total);
	let at = 0;
	for (const [source, { set }] of sources.entries()) {
		starts.set(set.v6, 4 * at);
		for (let i = 0; i < set.v6Length.length; i++) tags[at++] = ((set.v6Length[i]! << SOURCE_BITS) | source) >>> 0;
	}
	const order = sortedOrder(starts, tags);

	const out = new Output(2 * total + 1);
	const open = new Open(base);
	const before = new Uint32Array(4);
	for (let i = 0; i < total; i++) {
		const index = order[i]!;
		const tag = tags[index]!;
		while (compare(open.ends, 4 * open.top, starts, 4 * index) < 0) {
			out.emit(open.ends, 4 * open.top, open.vectors[open.top]!);
			open.top--;
		}
		const outer = open.vectors[open.top]!;
		const vector = store.union(outer, sources[tag & SOURCE_MASK]!.rules);
		if (vector === outer) continue;
		if (decrement(starts, 4 * index, before)) out.emit(before, 0, outer);
		open.push(starts, 4 * index, tag >>> SOURCE_BITS, vector);
	}
	for (; open.top >= 0; open.top--) out.emit(open.ends, 4 * open.top, open.vectors[open.top]!);
	return { lanes: 4, ends: out.ends, vectors: out.vectors, count: out.count };
}

/** Indices of the prefixes, sorted by first address, then by length. */
function sortedOrder(starts: Uint32Array, tags: Uint32Array): Uint32Array {
	const order = new Uint32Array(tags.length);
	for (let i = 0; i < order.length; i++) order[i] = i;
	sortPairs(tags.slice(), order);
	const words = new Uint32Array(order.length);
	for (let lane = 3; lane >= 0; lane--) {
		for (let i = 0; i < order.length; i++) words[i] = starts[4 * order[i]! + lane]!;
		sortPairs(words, order);
	}
	return order;
}

class Output {
	readonly ends: Uint32Array;
	readonly vectors: Uint32Array;
	count = 0;
	/** End of the last interval, kept separately because adjacent intervals are merged. */
	readonly #last = new Uint32Array(4);
	#any = false;

	constructor(room: number) {
		this.ends = new Uint32Array(4 * room);
		this.vectors = new Uint32Array(room);
	}

	emit(end: Uint32Array, at: number, vector: number): void {
		if (this.#any && compare(end, at, this.#last, 0) <= 0) return;
		if (this.count > 0 && this.vectors[this.count - 1] === vector) this.count--;
		copy(end, at, this.ends, 4 * this.count);
		copy(end, at, this.#last, 0);
		this.vectors[this.count++] = vector;
		this.#any = true;
	}
}

/** The stack of open prefixes, with the whole key space at the bottom. */
class Open {
	top = 0;
	ends = new Uint32Array(4 * 256);
	readonly vectors: number[];

	constructor(base: number) {
		this.ends.fill(0xffffffff, 0, 4);
		this.vectors = [base];
	}

	push(start: Uint32Array, at: number, length: number, vector: number): void {
		this.top++;
		if (4 * this.top === this.ends.length) {
			const larger = new Uint32Array(2 * this.ends.length);
			larger.set(this.ends);
			this.ends = larger;
		}
		for (let lane = 0; lane < 4; lane++) {
			this.ends[4 * this.top + lane] = start[at + lane]! | ~wordMask(length - 32 * lane);
		}
		this.vectors[this.top] = vector;
	}
}

function compare(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
	return a[i]! - b[j]! || a[i + 1]! - b[j + 1]! || a[i + 2]! - b[j + 2]! || a[i + 3]! - b[j + 3]!;
}

function copy(from: Uint32Array, i: number, to: Uint32Array, j: number): void {
	to[j] = from[i]!;
	to[j + 1] = from[i + 1]!;
	to[j + 2] = from[i + 2]!;
	to[j + 3] = from[i + 3]!;
}

/** Sets `to` to the preceding address; false if there is none. */
function decrement(from: Uint32Array, at: number, to: Uint32Array): boolean {
	copy(from, at, to, 0);
	for (let lane = 3; lane >= 0; lane--) {
		const borrow = to[lane] === 0;
		to[lane] = to[lane]! - 1;
		if (!borrow) return true;
	}
	return false;
}
