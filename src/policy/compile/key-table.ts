import { PROBE, ROW, SLOT } from "../../native/layout.ts";
import type { SipHash } from "./hash.ts";

/**
 * The hash table of a policy: 64-bit hashes with a vector each. Collected first, then laid out in buckets of one row
 * each.
 */
export class KeyTable {
	#lo = new Uint32Array(1024);
	#hi = new Uint32Array(1024);
	#vector = new Uint32Array(1024);
	/** Row of the leases of an entry, plus 1; 0: none. */
	#leases = new Uint32Array(1024);
	#count = 0;

	get count(): number {
		return this.#count;
	}

	/** Index of the entry of hash.lo and hash.hi, valid until the next call. A new entry has the vector `initial`. */
	entry(hash: SipHash, initial: number): number {
		if (2 * this.#count >= this.#lo.length) this.#grow();
		const index = this.#find(hash.lo, hash.hi);
		if (this.#isFree(index)) {
			this.#lo[index] = hash.lo;
			this.#hi[index] = hash.hi;
			this.#vector[index] = initial;
			this.#count++;
		}
		return index;
	}

	vector(index: number): number {
		return this.#vector[index]!;
	}

	setVector(index: number, vector: number): void {
		this.#vector[index] = vector;
	}

	/** `row`: from the first row of the leases. */
	setLeases(index: number, row: number): void {
		this.#leases[index] = row + 1;
	}

	/**
	 * The table as rows: a power of two of buckets, at most half full.
	 *
	 * @param leasesRow first row of the leases in the policy
	 */
	rows(leasesRow: number): Uint32Array {
		let buckets = 1;
		while (buckets * SLOTS_PER_BUCKET < 2 * this.#count) buckets *= 2;
		for (;;) {
			const rows = this.#layOut(buckets, leasesRow);
			if (rows !== null) return rows;
			buckets *= 2;
		}
	}

	/** Null if a key has no free slot within PROBE buckets. */
	#layOut(buckets: number, leasesRow: number): Uint32Array | null {
		const rows = new Uint32Array((buckets * ROW) / 4);
		for (let i = 0; i < this.#lo.length; i++) {
			if (this.#isFree(i)) continue;
			const slot = freeSlot(rows, this.#lo[i]!, buckets - 1);
			if (slot === -1) return null;
			rows[slot] = this.#lo[i]!;
			rows[slot + 1] = this.#hi[i]!;
			rows[slot + 2] = this.#vector[i]!;
			if (this.#leases[i] !== 0) rows[slot + 3] = leasesRow + this.#leases[i]! - 1;
		}
		return rows;
	}

	#isFree(index: number): boolean {
		return this.#lo[index] === 0 && this.#hi[index] === 0;
	}

	/** Index of a hash, or the free index where it belongs. */
	#find(lo: number, hi: number): number {
		const mask = this.#lo.length - 1;
		let index = hi & mask;
		while (!this.#isFree(index) && (this.#lo[index] !== lo || this.#hi[index] !== hi)) index = (index + 1) & mask;
		return index;
	}

	#grow(): void {
		const [lo, hi, vector, leases] = [this.#lo, this.#hi, this.#vector, this.#leases];
		this.#lo = new Uint32Array(2 * lo.length);
		this.#hi = new Uint32Array(2 * lo.length);
		this.#vector = new Uint32Array(2 * lo.length);
		this.#leases = new Uint32Array(2 * lo.length);
		for (let i = 0; i < lo.length; i++) {
			if (lo[i] === 0 && hi[i] === 0) continue;
			const index = this.#find(lo[i]!, hi[i]!);
			this.#lo[index] = lo[i]!;
			this.#hi[index] = hi[i]!;
			this.#vector[index] = vector[i]!;
			this.#leases[index] = leases[i]!;
		}
	}
}

const SLOTS_PER_BUCKET = ROW / SLOT.bytes;
const SLOT_WORDS = SLOT.bytes / 4;

/** Index of the first word of a free slot, or -1. */
function freeSlot(rows: Uint32Array, lo: number, mask: number): number {
	for (let probe = 0; probe < PROBE; probe++) {
		const bucket = (lo + probe) & mask;
		for (let slot = 0; slot < SLOTS_PER_BUCKET; slot++) {
			const at = (bucket * SLOTS_PER_BUCKET + slot) * SLOT_WORDS;
			if (rows[at] === 0 && rows[at + 1] === 0) return at;
		}
	}
	return -1;
}
