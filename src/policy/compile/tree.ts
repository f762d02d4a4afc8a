/** Search trees over intervals, as rows. Their form is described under "Trees" in bpf/wire/policy.h. */
import { ROW, TREE_LEVELS } from "../../native/layout.ts";
import type { Intervals } from "./intervals.ts";

export interface TreeShape {
	/** Rows of each level, the root first, the leaves last. */
	readonly levels: readonly number[];
	readonly rows: number;
}

/** Throws RangeError if the tree would have more than TREE_LEVELS levels. */
export function treeShape({ lanes, count }: Intervals): TreeShape {
	const levels = [Math.max(1, Math.ceil(count / LEAF[lanes]))];
	while (levels[0]! > 1) levels.unshift(Math.ceil(levels[0]! / FANOUT[lanes]));
	if (levels.length > TREE_LEVELS)
		throw new RangeError(`a tree of ${count} intervals needs more than ${TREE_LEVELS} levels`);
	return { levels, rows: levels.reduce((sum, rows) => sum + rows, 0) };
}

/**
 * Writes a tree level by level, from row `row` on.
 *
 * @param words the whole policy as 32-bit words
 * @returns the first row of each level
 */
export function writeTree(intervals: Intervals, shape: TreeShape, words: Uint32Array, row: number): number[] {
	const bases: number[] = [];
	let next = row;
	for (const rows of shape.levels) {
		bases.push(next);
		next += rows;
	}
	const { lanes } = intervals;
	const depth = shape.levels.length - 1;
	if (lanes === 1) writeLeavesV4(intervals, words, bases[depth]!, shape.levels[depth]!);
	else writeLeavesV6(intervals, words, bases[depth]!, shape.levels[depth]!);
	for (let level = depth - 1; level >= 0; level--) {
		const last = level + 1 === depth ? (LEAF[lanes] - 1) * lanes : (FANOUT[lanes] - 1) * lanes;
		writeInner(words, bases[level]!, shape.levels[level]!, bases[level + 1]!, shape.levels[level + 1]!, lanes, last);
	}
	return bases;
}

/** Intervals in a leaf, and children of an inner row, by the 32-bit words of a key. */
const LEAF = { 1: 16, 4: 6 } as const;
const FANOUT = { 1: 32, 4: 8 } as const;
const ROW_WORDS = ROW / 4;

function writeLeavesV4({ ends, vectors, count }: Intervals, words: Uint32Array, row: number, rows: number): void {
	const last = count - 1;
	for (let i = 0, at = row * ROW_WORDS; i < rows * LEAF[1]; i += LEAF[1], at += ROW_WORDS) {
		for (let j = 0; j < LEAF[1]; j++) {
			const interval = Math.min(i + j, last); // Unused places repeat the last interval, the largest key.
			words[at + j] = ends[interval]!;
			words[at + LEAF[1] + j] = vectors[interval]!;
		}
	}
}

function writeLeavesV6({ ends, vectors, count }: Intervals, words: Uint32Array, row: number, rows: number): void {
	const last = count - 1;
	for (let i = 0, at = row * ROW_WORDS; i < rows * LEAF[4]; i += LEAF[4], at += ROW_WORDS) {
		for (let j = 0; j < LEAF[4]; j++) {
			const interval = Math.min(i + j, last);
			const key = at + 4 * j;
			// struct sp_key6: the high u64 first, each u64 with its low half first.
			words[key] = ends[4 * interval + 1]!;
			words[key + 1] = ends[4 * interval]!;
			words[key + 2] = ends[4 * interval + 3]!;
			words[key + 3] = ends[4 * interval + 2]!;
			words[at + 4 * LEAF[4] + j] = vectors[interval]!;
		}
	}
}

/** Copies the largest key of each child, which begins at word `last` of its row. */
function writeInner(
	words: Uint32Array,
	row: number,
	rows: number,
	childRow: number,
	childRows: number,
	lanes: 1 | 4,
	last: number,
): void {
	const fanout = FANOUT[lanes];
	for (let i = 0; i < rows * fanout; i++) {
		const child = childRow + Math.min(i, childRows - 1);
		const from = child * ROW_WORDS + last;
		const to = row * ROW_WORDS + i * lanes;
		for (let lane = 0; lane < lanes; lane++) words[to + lane] = words[from + lane]!;
	}
}
