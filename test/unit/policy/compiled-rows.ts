/** The compiled rows of bpf/wire/policy.h: vectors, trees and hash table, read as the kernel reads them. */
import { SipHash } from "../../../src/policy/compile/hash.ts";

/** Bit i is rule i. */
export type Bits = bigint;

export class CompiledRows {
	readonly view: DataView;
	readonly hash: SipHash;
	readonly labelHash: SipHash;

	/** Ends of overlays that have passed. */
	readonly ended: number;

	/** `now`: CLOCK_BOOTTIME [ms] */
	constructor(rows: Uint8Array, now = 0) {
		this.view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
		this.hash = new SipHash([this.u32(32), this.u32(36), this.u32(40), this.u32(44)]);
		this.labelHash = new SipHash([this.u32(32), this.u32(36), this.u32(40), this.u32(44)]);
		this.ended = this.#countEnds(BigInt(now) * 1_000_000n);
	}

	found(hashIt: (hash: SipHash) => void, otherwise: Bits): Bits {
		const hash = this.hash;
		hashIt(hash);
		const mask = this.u32(72);
		for (let probe = 0; probe < 4; probe++) {
			const bucket = (this.u32(68) + ((hash.lo + probe) & mask)) * 128;
			for (let slot = bucket; slot < bucket + 128; slot += 16) {
				const [lo, hi] = [this.u32(slot), this.u32(slot + 4)];
				if (lo === 0 && hi === 0) return otherwise;
				if (lo !== hash.lo || hi !== hash.hi) continue;
				const leases = this.u32(slot + 12);
				return this.vector(leases === 0 ? this.u32(slot + 8) : this.u32(leases * 128 + 4 * this.ended));
			}
		}
		return otherwise;
	}

	search(tree: 0 | 1 | 2, key: bigint): number {
		const [fanout, leaf, size] = tree === 2 ? [8, 6, 16] : [32, 16, 4];
		const depth = this.u32(128 + 4 * (27 + tree));
		let node = 0;
		for (let level = 0; level <= depth; level++) {
			const row = (this.u32(128 + 4 * (tree * 9 + level)) + node) * 128;
			const keys = level === depth ? leaf : fanout;
			let i = 0;
			while (i < keys - 1 && this.key(row + i * size, size) < key) i++;
			if (level === depth) return this.u32(row + leaf * size + 4 * i);
			node = node * fanout + i;
		}
		throw new Error("unreachable");
	}

	key(at: number, size: number): bigint {
		if (size === 4) return BigInt(this.u32(at));
		return (this.view.getBigUint64(at, true) << 64n) | this.view.getBigUint64(at + 8, true);
	}

	vector(number: number): Bits {
		const at = (this.u32(64) + number) * 128;
		let bits = 0n;
		for (let word = this.view.getUint16(26, true) - 1; word >= 0; word--) {
			bits = (bits << 64n) | this.view.getBigUint64(at + 8 * word, true);
		}
		return bits;
	}

	/** The rules that are left of all. */
	left(): Bits {
		return this.ended === 0 ? ~0n : this.vector(this.u32(112) + this.ended);
	}

	#countEnds(now: bigint): number {
		if (this.view.getBigUint64(104, true) === 0n) return 0;
		let count = 0;
		while (count < 256 && this.view.getBigUint64(this.u32(100) * 128 + 8 * count, true) <= now) count++;
		return count;
	}

	u32(at: number): number {
		return this.view.getUint32(at, true);
	}
}
