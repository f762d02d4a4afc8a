/**
 * SipHash with a 64-bit result (Aumasson and Bernstein, "SipHash: a fast short-input PRF"), fed a byte or a word at a
 * time. The kernel computes the same hashes (bpf/decide/hash.h); keys.ts lists the inputs.
 */

/** Unsigned 32-bit words: low and high half of k0, then of k1. Random for each host. */
export type HashKey = readonly [number, number, number, number];

/** SipHash-1-3: one round for each word, three at the end. */
const COMPRESS_ROUNDS = 1;
const FINAL_ROUNDS = 3;

/**
 * One hash at a time: begin(), then bytes or words, then finish(). The result is in `lo` and `hi`. One object makes
 * millions of hashes without an allocation.
 */
export class SipHash {
	/** Unsigned 32-bit words of the result: hi * 2^32 + lo. */
	lo = 0;
	hi = 0;
	readonly #key: HashKey;
	readonly #compressRounds: number;
	readonly #finalRounds: number;
	/* Low and high halves of v0 to v3. */
	#l0 = 0;
	#l1 = 0;
	#l2 = 0;
	#l3 = 0;
	#h0 = 0;
	#h1 = 0;
	#h2 = 0;
	#h3 = 0;
	#tailLo = 0;
	#tailHi = 0;
	#length = 0;

	/** Other rounds than the default serve only the published test vectors, which are of SipHash-2-4. */
	constructor(key: HashKey, compressRounds = COMPRESS_ROUNDS, finalRounds = FINAL_ROUNDS) {
		this.#key = key;
		this.#compressRounds = compressRounds;
		this.#finalRounds = finalRounds;
	}

	begin(): void {
		const [k0l, k0h, k1l, k1h] = this.#key;
		this.#l0 = k0l ^ 0x70736575;
		this.#h0 = k0h ^ 0x736f6d65;
		this.#l1 = k1l ^ 0x6e646f6d;
		this.#h1 = k1h ^ 0x646f7261;
		this.#l2 = k0l ^ 0x6e657261;
		this.#h2 = k0h ^ 0x6c796765;
		this.#l3 = k1l ^ 0x79746573;
		this.#h3 = k1h ^ 0x74656462;
		this.#tailLo = 0;
		this.#tailHi = 0;
		this.#length = 0;
	}

	byte(value: number): void {
		const at = this.#length & 7;
		if (at < 4) this.#tailLo |= value << (at << 3);
		else this.#tailHi |= value << ((at & 3) << 3);
		this.#length++;
		if (at === 7) {
			this.word(this.#tailLo, this.#tailHi);
			this.#tailLo = 0;
			this.#tailHi = 0;
		}
	}

	/** Eight bytes, little endian, after a multiple of eight bytes. Does not count towards the length. */
	word(lo: number, hi: number): void {
		this.#l3 ^= lo;
		this.#h3 ^= hi;
		this.#rounds(this.#compressRounds);
		this.#l0 ^= lo;
		this.#h0 ^= hi;
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

	/** Ends a hash over bytes. The last word has the remaining bytes, and the length mod 256 in its highest byte. */
	finish(): void {
		this.finishAs(this.#length, this.#tailLo, this.#tailHi);
	}

	/** Ends a hash with a last word whose length byte and remaining bytes the caller chooses. */
	finishAs(length: number, tailLo: number, tailHi = 0): void {
		this.word(tailLo, tailHi | (length << 24));
		this.#l2 ^= 0xff;
		this.#rounds(this.#finalRounds);
		this.lo = (this.#l0 ^ this.#l1 ^ this.#l2 ^ this.#l3) >>> 0;
		this.hi = (this.#h0 ^ this.#h1 ^ this.#h2 ^ this.#h3) >>> 0;
	}

	#bytes(bytes: Uint8Array): void {
		for (const value of bytes) this.byte(value);
	}

	#rounds(count: number): void {
		let l0 = this.#l0;
		let h0 = this.#h0;
		let l1 = this.#l1;
		let h1 = this.#h1;
		let l2 = this.#l2;
		let h2 = this.#h2;
		let l3 = this.#l3;
		let h3 = this.#h3;
		let sum: number;
		let low: number;
		for (let i = 0; i < count; i++) {
			sum = (l0 >>> 0) + (l1 >>> 0);
			h0 = (h0 + h1 + (sum > 0xffffffff ? 1 : 0)) | 0;
			l0 = sum | 0;
			low = ((l1 << 13) | (h1 >>> 19)) ^ l0;
			h1 = ((h1 << 13) | (l1 >>> 19)) ^ h0;
			l1 = low;
			low = h0; /* rotation by 32 */
			h0 = l0;
			l0 = low;
			sum = (l2 >>> 0) + (l3 >>> 0);
			h2 = (h2 + h3 + (sum > 0xffffffff ? 1 : 0)) | 0;
			l2 = sum | 0;
			low = ((l3 << 16) | (h3 >>> 16)) ^ l2;
			h3 = ((h3 << 16) | (l3 >>> 16)) ^ h2;
			l3 = low;
			sum = (l0 >>> 0) + (l3 >>> 0);
			h0 = (h0 + h3 + (sum > 0xffffffff ? 1 : 0)) | 0;
			l0 = sum | 0;
			low = ((l3 << 21) | (h3 >>> 11)) ^ l0;
			h3 = ((h3 << 21) | (l3 >>> 11)) ^ h0;
			l3 = low;
			sum = (l2 >>> 0) + (l1 >>> 0);
			h2 = (h2 + h1 + (sum > 0xffffffff ? 1 : 0)) | 0;
			l2 = sum | 0;
			low = ((l1 << 17) | (h1 >>> 15)) ^ l2;
			h1 = ((h1 << 17) | (l1 >>> 15)) ^ h2;
			l1 = low;
			low = h2; /* rotation by 32 */
			h2 = l2;
			l2 = low;
		}
		this.#l0 = l0;
		this.#h0 = h0;
		this.#l1 = l1;
		this.#h1 = h1;
		this.#l2 = l2;
		this.#h2 = h2;
		this.#l3 = l3;
		this.#h3 = h3;
	}
}
