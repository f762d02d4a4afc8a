/** The automaton of the paths, its ends, and the table of statuses: bpf/policy.h. */

import type { Rule } from "../model.ts";
import { PATH_STATES_MAX, partsOf } from "../path.ts";
import { PATH, ROW, STATUS_MAX, VECTOR } from "./row-layout.ts";
import type { VectorStore } from "./vectors.ts";

export interface CompiledPaths {
	/** PATH.rows rows; null: no rule has a path. */
	readonly automaton: Uint32Array | null;
	/** Of the automaton in use, 64 bits each. */
	readonly words: number;
	/** struct sp_path_pattern of each. */
	readonly patterns: Uint32Array;
	readonly count: number;
}

/** Throws RangeError if the paths break the limit that parsing holds. */
export function compilePaths(rules: readonly Rule[], store: VectorStore): CompiledPaths {
	const vectors = new Map<string, number>();
	for (const { index, to } of rules)
		for (const pattern of to.path ?? []) vectors.set(pattern, store.with(vectors.get(pattern) ?? VECTOR.none, index));
	if (vectors.size === 0) return { automaton: null, words: 0, patterns: new Uint32Array(0), count: 0 };

	const automaton = new Uint32Array((PATH.rows * ROW) / 4);
	const patterns = new Uint32Array(2 * vectors.size);
	let state = 0;
	const turnOn = (row: number) => {
		automaton[(row * ROW) / 4 + (state >>> 5)]! |= 1 << (state & 31);
	};
	for (const [at, [pattern, vector]] of [...vectors].entries()) {
		const parts = partsOf(pattern);
		if (state + parts.length > PATH_STATES_MAX) throw new RangeError(`paths have more than ${PATH_STATES_MAX} states`);
		turnOn(PATH.begin);
		for (const { star, character } of parts) {
			if (star === "**") turnOn(PATH.many);
			if (star === "*") turnOn(PATH.one);
			if (character === "") break;
			state++;
			turnOn(PATH.characters + character.charCodeAt(0));
		}
		patterns[2 * at] = state | (pattern.includes("?") ? 1 << 16 : 0);
		patterns[2 * at + 1] = vector;
		state++;
	}
	return { automaton, words: Math.ceil(state / 64), patterns, count: vectors.size };
}

/** Vector of each status: the rules that it does not rule out. Null: no rule has a status. */
export function compileStatuses(rules: readonly Rule[], store: VectorStore): Uint32Array | null {
	if (rules.every(({ to }) => to.status === null)) return null;
	return Uint32Array.from({ length: STATUS_MAX }, (_, status) =>
		store.of(
			rules
				.filter(({ to }) => to.status === null || to.status.some(({ low, high }) => low <= status && status <= high))
				.map(({ index }) => index),
		),
	);
}
