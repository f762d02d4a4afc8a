import { RULES_MAX } from "../../native/layout.ts";

/** 32-bit words of a vector: u64[16] in the kernel, low half first. */
export const VECTOR_WORDS = RULES_MAX / 32;

/** Sets of rules as bit vectors. Equal sets share a number, except those of append(). */
export class VectorStore {
	#words = new Uint32Array(64 * VECTOR_WORDS);
	#count = 0;
	/** Numbers of the vectors with a hash. */
	readonly #byContent = new Map<number, number[]>();
	/** Results of union(), by a * VECTORS_MAX + b. */
	readonly #unions = new Map<number, number>();
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

	/** The number of the union of two sets. */
	union(a: number, b: number): number {
		const key = a * VECTORS_MAX + b;
		if (key === this.#lastKey) return this.#lastResult; // A list repeats the same pair up to a million times.
		const result = this.#unions.get(key) ?? this.#make(a, b);
		this.#unions.set(key, result);
		this.#lastKey = key;
		this.#lastResult = result;
		return result;
	}

	#make(a: number, b: number): number {
		const from = a * VECTOR_WORDS;
		this.#scratch.set(this.#words.subarray(from, from + VECTOR_WORDS));
		for (let i = 0; i < VECTOR_WORDS; i++) this.#scratch[i]! |= this.#words[b * VECTOR_WORDS + i]!;
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

/** More than the rows of a policy that fits into memory. */
const VECTORS_MAX = 2 ** 26;

/** FNV-1a over words; used only inside the store. */
function hashWords(words: Uint32Array): number {
	let hash = 0x811c9dc5;
	for (const word of words) hash = Math.imul(hash ^ word, 0x01000193) ^ (hash >>> 15);
	return hash >>> 0;
}
