/**
 * Turns nested prefixes into intervals that cover the whole key space. Prefixes sorted by first address, then by
 * length, nest like brackets, so a stack holds the open ones with their vectors. Adjacent intervals with the same
 * vector are merged.
 */
import { wordMask } from "../cidr.ts";
import type { PrefixSet } from "../model.ts";
import { sortPairs } from "./sort.ts";
import type { VectorStore } from "./vectors.ts";

/** Interval i ends at key i (inclusive) and begins behind key i - 1. The last one ends at the largest key. */
export interface Intervals {
	/** 32-bit words of a key, the most significant first. */
	readonly lanes: 1 | 4;
	readonly ends: Uint32Array;
	readonly vectors: Uint32Array;
	readonly count: number;
}

/** Prefixes, and the vector of the rules that name them: a list that many rules name is here once. */
export interface RulePrefixes {
	readonly rules: number;
	readonly set: PrefixSet;
}

/** @param base vector of an address in no prefix */
export function intervalsV4(sources: readonly RulePrefixes[], base: number, store: VectorStore): Intervals {
	const total = sources.reduce((sum, { set }) => sum + set.v4.length, 0);
	const starts = new Uint32Array(total);
	const tags = new Uint32Array(total);
	let at = 0;
	for (const [source, { set }] of sources.entries()) {
		starts.set(set.v4, at);
		for (let i = 0; i < set.v4.length; i++) tags[at++] = (set.v4Length[i]! << SOURCE_BITS) | source;
	}
	if (!isSorted(starts, tags)) {
		sortPairs(tags, starts);
		sortPairs(starts, tags);
	}

	const ends = new Uint32Array(2 * total + 1);
	const vectors = new Uint32Array(2 * total + 1);
	let count = 0;
	let next = 0; // the first address behind the last interval
	const openEnds = [0xffffffff];
	const openVectors = [base];
	let top = 0;
	for (let i = 0; i <= total; i++) {
		const start = i < total ? starts[i]! : PAST_THE_END; // closes all open prefixes
		while (top >= 0 && openEnds[top]! < start) {
			const end = openEnds[top]!;
			if (end >= next) {
				count = put(ends, vectors, count, end, openVectors[top]!);
				next = end + 1;
			}
			top--;
		}
		if (i === total) break;
		const tag = tags[i]!;
		const outer = openVectors[top]!;
		const vector = store.union(outer, sources[tag & SOURCE_MASK]!.rules);
		if (vector === outer) continue;
		if (start > next) {
			count = put(ends, vectors, count, start - 1, outer);
			next = start;
		}
		top++;
		openEnds[top] = (start | ~wordMask(tag >>> SOURCE_BITS)) >>> 0;
		openVectors[top] = vector;
	}
	return { lanes: 1, ends, vectors, count };
}

/** Tags: length << SOURCE_BITS | index of the source. */
export const SOURCE_BITS = 24;
export const SOURCE_MASK = (1 << SOURCE_BITS) - 1;

const PAST_THE_END = 2 ** 32;

/** Adds an interval, or extends the last one if it has the same vector. Returns the number of intervals. */
function put(ends: Uint32Array, vectors: Uint32Array, count: number, end: number, vector: number): number {
	const at = count > 0 && vectors[count - 1] === vector ? count - 1 : count;
	ends[at] = end;
	vectors[at] = vector;
	return at + 1;
}

/** Whether prefixes are sorted by first address, then by length. Lists often are. */
function isSorted(starts: Uint32Array, tags: Uint32Array): boolean {
	for (let i = 1; i < tags.length; i++) {
		const order = starts[i]! - starts[i - 1]!;
		if (order < 0 || (order === 0 && tags[i]! < tags[i - 1]!)) return false;
	}
	return true;
}
