import { RULES_MAX } from "../../native/layout.ts";

/** 32-bit words of a vector: u64[16] in the kernel, low half first. */
export const VECTOR_WORDS = RULES_MAX / 32;

/** Sets of rules as bit vectors. Equal sets share a number, except those of append(). */
export class VectorStore {
	#words = new Uint32Array(64 * VECTOR_WORDS);
	#count = 0;
	/** Numbers of the vectors with a hash. */
	readonly #byContent = new Map<number, number[]>();
	/** Results of with(), by vector * RULES_MAX + rule. */
	readonly #withRule = new Map<number, number>();
	#lastKey = -1;
	#lastResult = 0;
	readonly #scratch = new Uint32Array(VECTOR_WORDS);

	get count(): number {
		return this.#count;
	}

	/** A new number even for a known set: for the vectors whose numbers are fixed. */
	append(rules: Iterable<number>): number {
		this.#scratch.fill(0);
		for (const rule of rules) this.#scratch[rule >>> 5]! |= 1 << (rule & 31);
		return this.#append(hashWords(this.#scratch));
	}

	/** The number of a set of rules. */
	of(rules: Iterable<number>): number {
		this.#scratch.fill(0);
		for (const rule of rules) this.#scratch[rule >>> 5]! |= 1 << (rule & 31);
		return this.#intern();
	}

	/** The number of the set `vector` plus one rule. */
	with(vector: number, rule: number): number {
		const key = vector * RULES_MAX + rule;
		if (key === this.#lastKey) return this.#lastResult; // A list repeats the same pair up to a million times.
		const result = this.#withRule.get(key) ?? this.#make(vector, rule);
		this.#withRule.set(key, result);
		this.#lastKey = key;
		this.#lastResult = result;
		return result;
	}

	#make(vector: number, rule: number): number {
		const from = vector * VECTOR_WORDS;
		this.#scratch.set(this.#words.subarray(from, from + VECTOR_WORDS));
		this.#scratch[rule >>> 5]! |= 1 << (rule & 31);
		return this.#intern();
	}

	/** All vectors, concatenated. */
	words(): Uint32Array {
		return this.#words.subarray(0, this.#count * VECTOR_WORDS);
	}

	#intern(): number {
		const hash = hashWords(this.#scratch);
		for (const candidate of this.#byContent.get(hash) ?? []) if (this.#equals(candidate)) return candidate;
		return this.#append(hash);
	}

	#append(hash: number): number {
		const number = this.#count++;
		if (this.#count * VECTOR_WORDS > this.#words.length) {
			const larger = new Uint32Array(2 * this.#words.length);
			larger.set(this.#words);
			this.#words = larger;
		}
		this.#words.set(this.#scratch, number * VECTOR_WORDS);
		const same = this.#byContent.get(hash);
		if (same) same.push(number);
		else this.#byContent.set(hash, [number]);
		return number;
	}

	#equals(vector: number): boolean {
		const from = vector * VECTOR_WORDS;
		for (let i = 0; i < VECTOR_WORDS; i++) if (this.#words[from + i] !== this.#scratch[i]) return false;
		return true;
	}
}

/** FNV-1a over words; used only inside the store. */
function hashWords(words: Uint32Array): number {
	let hash = 0x811c9dc5;
	for (const word of words) hash = Math.imul(hash ^ word, 0x01000193) ^ (hash >>> 15);
	return hash >>> 0;
}
