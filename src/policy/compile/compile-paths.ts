/** Compiles path patterns to an automaton and status conditions to a table ("Paths" in bpf/wire/policy.h). */
import {
	PATH_BEGIN,
	PATH_CHARS,
	PATH_MANY,
	PATH_ONE,
	PATH_ROWS,
	PATH_STATES,
	ROW,
	STATUS_MAX,
	VECTOR,
} from "../../native/layout.ts";
import type { Rule } from "../model.ts";
import { partsOf } from "../path.ts";
import type { VectorStore } from "./vectors.ts";

export interface CompiledPaths {
	/** PATH_ROWS rows; null: no rule has a path. */
	readonly automaton: Uint32Array | null;
	/** 64-bit words of the automaton in use. */
	readonly words: number;
	/** struct sp_path_pattern of each distinct pattern. */
	readonly patterns: Uint32Array;
	readonly count: number;
}

/** Throws RangeError if the patterns need more than PATH_STATES states, which parsePolicy() checks. */
export function compilePaths(rules: readonly Rule[], store: VectorStore): CompiledPaths {
	const vectors = new Map<string, number>();
	for (const { index, to } of rules)
		for (const pattern of to.path ?? [])
			vectors.set(pattern, store.union(vectors.get(pattern) ?? VECTOR.none, store.of([index])));
	if (vectors.size === 0) return { automaton: null, words: 0, patterns: new Uint32Array(0), count: 0 };

	const automaton = new Uint32Array((PATH_ROWS * ROW) / 4);
	const patterns = new Uint32Array(2 * vectors.size);
	let state = 0;
	const turnOn = (row: number) => {
		automaton[(row * ROW) / 4 + (state >>> 5)]! |= 1 << (state & 31);
	};
	for (const [at, [pattern, vector]] of [...vectors].entries()) {
		const parts = partsOf(pattern);
		if (state + parts.length > PATH_STATES)
			throw new RangeError(`the path patterns need more than ${PATH_STATES} states`);
		turnOn(PATH_BEGIN);
		for (const { star, character } of parts) {
			if (star === "**") turnOn(PATH_MANY);
			if (star === "*") turnOn(PATH_ONE);
			if (character === "") break;
			state++;
			turnOn(PATH_CHARS + character.charCodeAt(0));
		}
		patterns[2 * at] = state | (pattern.includes("?") ? 1 << 16 : 0);
		patterns[2 * at + 1] = vector;
		state++;
	}
	return { automaton, words: Math.ceil(state / 64), patterns, count: vectors.size };
}

/** Vector of each status: the rules that it can match. Null: no rule has a status. */
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
