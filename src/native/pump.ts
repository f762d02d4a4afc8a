import { setImmediate as turn } from "node:timers/promises";
import type { Kernel } from "./binding.ts";
import { decodeBatch, newDecodeCounts } from "./decode.ts";
import type { EventSink } from "./events.ts";

export interface PumpOptions {
	readonly kernel: Pick<Kernel, "start" | "drain" | "positions" | "stop">;
	readonly sink: EventSink & { beginBatch(): void };
	readonly batchBytes: number;
	/** ms from a batch to the look for records that no wake-up announced. */
	readonly tail: number;
	readonly onFailure: (error: unknown) => void;
}

/**
 * From the ring to the records. The kernel wakes us only when much waits, when the last wake-up is 20 ms ago, or for a denial;
 * what comes shortly after a wake-up is fetched by a timer that runs only while there is something to fetch.
 */
export class Pump {
	readonly counts = newDecodeCounts();
	batches = 0;
	bytes = 0;
	failures = 0;
	readonly #o: PumpOptions;
	#timer: NodeJS.Timeout | null = null;
	#running = false;

	constructor(options: PumpOptions) {
		this.#o = options;
	}

	start(): void {
		this.#running = true;
		this.#o.kernel.start(this.#o.batchBytes, (batch, length) => this.#take(batch, length));
		this.#o.kernel.drain();
	}

	/** Takes what waits now, a batch each turn of the loop. What is written meanwhile is left: there may be no end of it. */
	async flush(): Promise<void> {
		const { written } = this.#o.kernel.positions();
		while (this.#running && this.#hasMore(written)) await turn();
	}

	stop(): void {
		if (!this.#running) return;
		const { written } = this.#o.kernel.positions();
		while (this.#hasMore(written));
		this.#running = false;
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = null;
		this.#o.kernel.stop();
	}

	/* After one batch more. */
	#hasMore(written: number): boolean {
		return this.#o.kernel.drain() > 0 && this.#o.kernel.positions().taken < written;
	}

	#take(batch: Buffer, length: number): void {
		if (length === 0) return;
		this.batches++;
		this.bytes += length;
		try {
			this.#o.sink.beginBatch();
			decodeBatch(batch, length, this.#o.sink, this.counts);
		} catch (error) {
			/* Called from C++: there is nobody above who could know better. */
			this.failures++;
			this.#o.onFailure(error);
		}
		if (!this.#running) return;
		/* Counted from the last batch: what is written after it may come without a wake-up. */
		if (this.#timer === null) this.#timer = setTimeout(() => this.#tail(), this.#o.tail);
		else this.#timer.refresh();
	}

	/* A drain that finds something calls #take, which arms the timer again. */
	#tail(): void {
		this.#timer = null;
		if (this.#running) this.#o.kernel.drain();
	}
}
