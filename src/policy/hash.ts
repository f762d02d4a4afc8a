/**
 * HalfSipHash with a 64-bit result, as in the reference implementation (Aumasson and Bernstein,
 * github.com/veorq/SipHash, halfsiphash.c with outlen 8), fed a byte or a word at a time.
 * The kernel computes the same from the same key: bpf/policy.h names the inputs, keys.ts spells them out.
 */

/** HalfSipHash-1-3: one round for each word, three at the end (twice, for 64 bits). */
const COMPRESS_ROUNDS = 1;
const FINAL_ROUNDS = 3;

/**
 * One hash at a time: begin(), then bytes or words, then finish(); the result is in `lo` and `hi`. An object
 * is reused for millions of hashes, so nothing is allocated on the way.
 */
export class HalfSipHash {
	/** Unsigned 32 bits each. The 64-bit value is hi * 2^32 + lo. */
	lo = 0;
	hi = 0;
	readonly #k0: number;
	readonly #k1: number;
	readonly #compressRounds: number;
	readonly #finalRounds: number;
	#v0 = 0;
	#v1 = 0;
	#v2 = 0;
	#v3 = 0;
	#tail = 0;
	#length = 0;

	/** The rounds are arguments only so that the published vectors (of 2-4) can be tested. */
	constructor(key: readonly [number, number], compressRounds = COMPRESS_ROUNDS, finalRounds = FINAL_ROUNDS) {
		this.#k0 = key[0];
		this.#k1 = key[1];
		this.#compressRounds = compressRounds;
		this.#finalRounds = finalRounds;
	}

	begin(): void {
		this.#v0 = this.#k0 | 0;
		this.#v1 = this.#k1 ^ 0xee;
		this.#v2 = 0x6c796765 ^ this.#k0;
		this.#v3 = 0x74656462 ^ this.#k1;
		this.#tail = 0;
		this.#length = 0;
	}

	byte(value: number): void {
		const shift = (this.#length & 3) << 3;
		this.#tail |= value << shift;
		this.#length++;
		if (shift === 24) {
			this.word(this.#tail);
			this.#tail = 0;
		}
	}

	/** Four bytes, little endian, where a multiple of four came before. Does not count towards the length. */
	word(value: number): void {
		this.#v3 ^= value;
		this.#rounds(this.#compressRounds);
		this.#v0 ^= value;
	}

	/** The UTF-8 bytes of a string. */
	text(value: string): void {
		for (let i = 0; i < value.length; i++) {
			const code = value.charCodeAt(i);
			if (code > 0x7f) {
				this.#bytes(Buffer.from(value.slice(i)));
				return;
			}
			this.byte(code);
		}
	}

	/** Ends a hash over bytes: the last word is (number of bytes mod 256) << 24 and what is left of them. */
	finish(): void {
		this.finishAs(this.#length);
	}

	/** Ends a hash with another 8 bits in the place of the length. */
	finishAs(length: number): void {
		this.word((length << 24) | this.#tail);
		this.#v2 ^= 0xee;
		this.#rounds(this.#finalRounds);
		this.lo = (this.#v1 ^ this.#v3) >>> 0;
		this.#v1 ^= 0xdd;
		this.#rounds(this.#finalRounds);
		this.hi = (this.#v1 ^ this.#v3) >>> 0;
	}

	#bytes(bytes: Uint8Array): void {
		for (const value of bytes) this.byte(value);
	}

	#rounds(count: number): void {
		let v0 = this.#v0;
		let v1 = this.#v1;
		let v2 = this.#v2;
		let v3 = this.#v3;
		for (let i = 0; i < count; i++) {
			v0 = (v0 + v1) | 0;
			v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
			v0 = (v0 << 16) | (v0 >>> 16);
			v2 = (v2 + v3) | 0;
			v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
			v0 = (v0 + v3) | 0;
			v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
			v2 = (v2 + v1) | 0;
			v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
			v2 = (v2 << 16) | (v2 >>> 16);
		}
		this.#v0 = v0;
		this.#v1 = v1;
		this.#v2 = v2;
		this.#v3 = v3;
	}
}
