/** Compiles a policy to the array of rows that bpf/wire/policy.h describes. */
import { PATH_ROWS, POLICY_TREES, ROW, RULES_MAX, TREE_LEVELS, VECTOR } from "../../native/layout.ts";
import { type Action, PHASES, type Policy, type Rule } from "../model.ts";
import { phasesOf } from "../phases.ts";
import { collectKeys, rulesBy } from "./collect.ts";
import { compilePaths, compileStatuses } from "./compile-paths.ts";
import { Ends } from "./ends.ts";
import type { HashKey } from "./hash.ts";
import { isPlaced, writeHead } from "./head.ts";
import { intervalsV4, type RulePrefixes } from "./intervals.ts";
import { intervalsV6 } from "./intervals-v6.ts";
import { intervalsOfPorts } from "./ports.ts";
import { treeShape, writeTree } from "./tree.ts";
import { VectorStore } from "./vectors.ts";

export interface CompileOptions {
	/** From 1; written to the head. */
	readonly generation: number;
	/** Must not change while the kernel's maps exist, because they hold hashes made with it. */
	readonly hashKey: HashKey;
	/** Counter slot of each rule by its index: assignSlots() in slots.ts. */
	readonly slots: ArrayLike<number>;
}

export interface Compiled {
	/** A multiple of ROW bytes. */
	readonly rows: Uint8Array;
	readonly meta: CompiledFacts;
}

export interface CompiledFacts {
	readonly generation: number;
	/** By index, which is the rule's bit in a vector. */
	readonly rules: readonly RuleFacts[];
	readonly rows: number;
	readonly bytes: number;
	readonly vectors: number;
	/** Number of listed prefixes, duplicates included. */
	readonly prefixes: { readonly v4: number; readonly v6: number };
	/** Leaves of the search trees. */
	readonly intervals: { readonly v4: number; readonly v6: number; readonly ports: number };
	/** Distinct domain patterns. */
	readonly names: number;
	/** At most SHAPES_MAX. */
	readonly shapes: number;
	/** Distinct path patterns. */
	readonly paths: number;
	/** Number of keys in the hash table. */
	readonly keys: number;
	/** Number of the hash table's buckets, of ROW bytes each. */
	readonly buckets: number;
}

export interface RuleFacts {
	readonly group: string;
	readonly name: string;
	readonly action: Action;
	readonly slot: number;
	readonly leases: Rule["leases"];
}

/**
 * Equal arguments give equal bytes. Throws RangeError for a policy beyond a limit that parsePolicy() checks, and for a
 * rule without a slot.
 */
export function compile(policy: Policy, options: CompileOptions): Compiled {
	const { rules } = policy;
	if (rules.length > RULES_MAX) throw new RangeError(`${rules.length} rules; the limit is ${RULES_MAX}`);
	const store = new VectorStore();
	writeFixedVectors(rules, store);

	const prefixes: RulePrefixes[] = rulesBy(rules, ({ to }) => to.cidr).map(([set, of]) => ({
		rules: store.of(of),
		set,
	}));
	const anywhere = store.of(indices(rules, ({ to }) => to.cidr === null));
	const v4 = intervalsV4(prefixes, anywhere, store);
	const v6 = intervalsV6(prefixes, anywhere, store);
	const ports = intervalsOfPorts(rules, store);
	const ends = new Ends(rules);
	const { table, leases, shapes, names } = collectKeys(rules, options.hashKey, ends, store);
	const paths = compilePaths(rules, store);
	const statuses = compileStatuses(rules, store);
	const left = ends.writeLeft(rules, store);
	const endsBytes = ends.rows();
	const leaseWords = leases.words();
	const trees = [v4, ports, v6].map((intervals) => ({ intervals, shape: treeShape(intervals) }));

	const shapesRow = FIRST_FREE_ROW;
	const slotsRow = shapesRow + rowsOf(4 * shapes.length);
	const vectorsRow = slotsRow + rowsOf(2 * rules.length);
	const alwaysRow = vectorsRow + store.count;
	const always = compileAlways(store.words(), Math.ceil(rules.length / 64));
	const endsRow = alwaysRow + rowsOf(always.byteLength);
	const leasesRow = endsRow + Math.ceil((endsBytes?.length ?? 0) / ROW);
	const tableRow = leasesRow + Math.ceil(leaseWords.byteLength / ROW);
	const tableWords = table.rows(leasesRow);
	const treesRow = tableRow + rowsOf(tableWords.byteLength);
	const pathsRow = trees.reduce((sum, { shape }) => sum + shape.rows, treesRow);
	const patternsRow = pathsRow + (paths.automaton === null ? 0 : PATH_ROWS);
	const statusRow = patternsRow + Math.ceil(paths.patterns.byteLength / ROW);
	const rows = statusRow + (statuses === null ? 0 : rowsOf(statuses.byteLength));
	if (rows * ROW > BYTES_MAX) throw new PolicySizeError(rows * ROW);
	const words = new Uint32Array((rows * ROW) / 4);

	words.set(shapes, (shapesRow * ROW) / 4);
	new Uint16Array(words.buffer, slotsRow * ROW, rules.length).set(rules.map((rule) => slotOf(rule, options)));
	words.set(store.words(), (vectorsRow * ROW) / 4);
	words.set(always, (alwaysRow * ROW) / 4);
	if (endsBytes !== null) new Uint8Array(words.buffer).set(endsBytes, endsRow * ROW);
	words.set(leaseWords, (leasesRow * ROW) / 4);
	words.set(tableWords, (tableRow * ROW) / 4);
	if (paths.automaton !== null) words.set(paths.automaton, (pathsRow * ROW) / 4);
	words.set(paths.patterns, (patternsRow * ROW) / 4);
	if (statuses !== null) words.set(statuses, (statusRow * ROW) / 4);
	let row = treesRow;
	for (const [tree, { intervals, shape }] of trees.entries()) {
		const at = (TREES_ROW * ROW) / 4;
		words.set(writeTree(intervals, shape, words, row), at + tree * TREE_LEVELS);
		words[at + POLICY_TREES.depth / 4 + tree] = shape.levels.length - 1;
		row += shape.rows;
	}
	const buckets = tableWords.byteLength / ROW;
	const listed = rules.flatMap(({ to }) => to.cidr ?? []);
	writeHead(new DataView(words.buffer), policy, {
		generation: options.generation,
		hashKey: options.hashKey,
		shapes: shapes.length,
		shapesRow,
		slotsRow,
		vectorsRow,
		tableRow,
		tableMask: buckets - 1,
		rows,
		pathsRow,
		patternsRow,
		statusRow,
		pathWords: paths.words,
		pathPatterns: paths.count,
		alwaysRow,
		endsRow,
		firstEnd: ends.sorted[0] ?? 0n,
		left,
	});
	return {
		rows: new Uint8Array(words.buffer),
		meta: {
			generation: options.generation,
			rules: rules.map((rule) => ({
				group: rule.group,
				name: rule.name,
				action: rule.action,
				slot: slotOf(rule, options),
				leases: rule.leases,
			})),
			rows,
			bytes: words.byteLength,
			vectors: store.count,
			prefixes: {
				v4: listed.reduce((sum, { v4 }) => sum + v4.length, 0),
				v6: listed.reduce((sum, { v6Length }) => sum + v6Length.length, 0),
			},
			intervals: { v4: v4.count, v6: v6.count, ports: ports.count },
			names,
			shapes: shapes.length,
			paths: paths.count,
			keys: table.count,
			buckets,
		},
	};
}

/** The compiled policy has too many bytes. */
export class PolicySizeError extends RangeError {
	constructor(bytes: number) {
		super(`the policy has ${bytes} bytes when compiled; the limit is ${BYTES_MAX}. Use fewer or shorter lists`);
		this.name = "PolicySizeError";
	}
}

/** A policy of a million names has 67 MB. The kernel has two during a load, and counts them as memory of the daemon. */
const BYTES_MAX = 72 * 1024 * 1024;

/** Row 0 is struct sp_policy_head, row 1 struct sp_policy_trees. */
const TREES_ROW = 1;
const FIRST_FREE_ROW = 2;

/** Appends the vectors of enum sp_vector in its order, since their numbers are fixed. */
function writeFixedVectors(rules: readonly Rule[], store: VectorStore): void {
	store.append([]);
	for (const phase of PHASES) store.append(indices(rules, (rule) => phasesOf(rule).some((its) => its === phase)));
	store.append(indices(rules, (rule) => rule.action === "alert"));
	store.append(indices(rules, (rule) => rule.action === "allow"));
	store.append(indices(rules, ({ to }) => to.domain !== null));
	store.append(indices(rules, ({ to }) => to.domain === null));
	for (const condition of ["exe", "user", "unit", "container", "cgroup"] as const) {
		store.append(indices(rules, ({ from }) => from[condition] === null));
	}
	for (const condition of ["method", "path", "status"] as const)
		store.append(indices(rules, ({ to }) => to[condition] === null));
	store.append(indices(rules, isPlaced));
	if (store.count !== VECTOR.fixed) throw new Error("the fixed vectors differ from enum sp_vector");
}

/* Two 64-bit words of each vector that every decision reads, side by side in a row: enum sp_always. One lookup fetches
 * them all. */
function compileAlways(vectors: Uint32Array, words: number): Uint32Array {
	const wordsOfRow = ROW / 4;
	const always = new Uint32Array(Math.max(1, Math.ceil(words / 2)) * wordsOfRow);
	for (const [column, vector] of ALWAYS_VECTORS.entries()) {
		for (let word = 0; word < 2 * words; word++) {
			const row = Math.floor(word / 4);
			always[row * wordsOfRow + column * 4 + (word % 4)] = vectors[vector * wordsOfRow + word]!;
		}
	}
	return always;
}

/** In the order of enum sp_always, in which each has two words. */
const { phase, alert, allow, unnamed } = VECTOR;
const ALWAYS_VECTORS = [phase, phase + 1, phase + 2, phase + 3, alert, allow, unnamed];

function indices(rules: readonly Rule[], take: (rule: Rule) => boolean): number[] {
	return rules.filter(take).map((rule) => rule.index);
}

function slotOf(rule: Rule, options: CompileOptions): number {
	const slot = options.slots[rule.index];
	if (slot === undefined) throw new RangeError(`rule ${rule.group}/${rule.name} has no counter slot`);
	return slot;
}

/** Rows for a number of bytes, at least one. */
function rowsOf(bytes: number): number {
	return Math.max(1, Math.ceil(bytes / ROW));
}
