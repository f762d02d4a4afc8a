import type { Describer } from "../records/view.ts";
import { type Batch, BatchBuilder } from "./batch.ts";

/** Records that are not in the file yet: sealed batches, the oldest first, and the batch that is being filled. */
export class WriteQueue {
	readonly #builder: BatchBuilder;
	readonly #batches: Sealed[] = [];
	#sealedRecords = 0;
	/** Monotonic clock [ms] of the first record of the batch that is being gathered. */
	#began = 0;

	constructor(describe: Describer) {
		this.#builder = new BatchBuilder(describe);
	}

	/** Records in all batches. */
	get size(): number {
		return this.#sealedRecords + this.#builder.size;
	}

	/** [ms] Age of the oldest record; 0: there is none. */
	get lag(): number {
		const began = this.#batches[0]?.began ?? (this.#builder.size > 0 ? this.#began : null);
		return began === null ? 0 : Math.max(0, performance.now() - began);
	}

	/** The oldest sealed batch. */
	get head(): Batch | null {
		return this.#batches[0]?.batch ?? null;
	}

	/** Returns whether the batch has reached its size and should be sealed. */
	add(put: (builder: BatchBuilder) => void): boolean {
		if (this.#builder.size === 0) this.#began = performance.now();
		put(this.#builder);
		return this.#builder.size >= RECORDS;
	}

	/** Ends the batch that is being gathered. Returns false if it is empty. */
	seal(): boolean {
		const { size } = this.#builder;
		if (size === 0) return false;
		this.#batches.push({ batch: this.#builder.take(), size, began: this.#began });
		this.#sealedRecords += size;
		return true;
	}

	/** Removes the oldest sealed batch. Returns its number of records. */
	shift(): number {
		const size = this.#batches.shift()?.size ?? 0;
		this.#sealedRecords -= size;
		return size;
	}

	/** Removes everything. Returns the number of records. */
	clear(): number {
		const { size } = this;
		this.#batches.length = 0;
		this.#sealedRecords = 0;
		this.#builder.take();
		return size;
	}
}

interface Sealed {
	readonly batch: Batch;
	readonly size: number;
	readonly began: number;
}

/** Records in one batch. */
const RECORDS = 2_000;
