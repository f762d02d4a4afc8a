import { setImmediate as turn } from "node:timers/promises";
import type { Kernel } from "./binding.ts";
import { decodeBatch, newDecodeCounts } from "./decode.ts";
import type { EventSink } from "./events.ts";

export interface PumpOptions {
	readonly kernel: Pick<Kernel, "start" | "drain" | "positions" | "stop">;
	/** beginBatch() is called before the events of each batch. */
	readonly sink: EventSink & { beginBatch(): void };
	/** Largest batch [bytes]. */
	readonly batchBytes: number;
	/** Delay from a batch to the next read without a wake-up [ms]. */
	readonly tail: number;
	/** Receives what `sink` throws; the rest of that batch is lost. */
	readonly onFailure: (error: unknown) => void;
}

/**
 * Moves events from the ring to a sink. The kernel wakes the reader only for a denial, when much is waiting, or 20 ms
 * after the last wake-up. Events that follow a wake-up closely are read by a timer, which runs only while events
 * arrive.
 */
export class Pump {
	readonly counts = newDecodeCounts();
	/** Since start(). */
	batches = 0;
	/** Since start() [bytes]. */
	bytes = 0;
	/** Batches that the sink failed to take. */
	failures = 0;
	readonly #o: PumpOptions;
	#timer: NodeJS.Timeout | null = null;
	#running = false;

	constructor(options: PumpOptions) {
		this.#o = options;
	}

	/** Throws NativeError if the ring cannot be read. */
	start(): void {
		this.#running = true;
		this.#o.kernel.start(this.#o.batchBytes, (batch, length) => this.#receive(batch, length));
		this.#o.kernel.drain();
	}

	/**
	 * Reads what the ring holds now, one batch in each turn of the event loop. Later events are left, since a busy
	 * kernel would never let it end.
	 */
	async flush(): Promise<void> {
		const { written } = this.#o.kernel.positions();
		while (this.#running && this.#drainUntil(written)) await turn();
	}

	/** Reads what the ring holds now, then closes the reader. Does nothing when it is stopped. */
	stop(): void {
		if (!this.#running) return;
		const { written } = this.#o.kernel.positions();
		while (this.#drainUntil(written));
		this.#running = false;
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = null;
		this.#o.kernel.stop();
	}

	/* Reads one batch; true while there is more up to position `written`. */
	#drainUntil(written: number): boolean {
		return this.#o.kernel.drain() > 0 && this.#o.kernel.positions().taken < written;
	}

	#receive(batch: Buffer, length: number): void {
		if (length === 0) return;
		this.batches++;
		this.bytes += length;
		try {
			this.#o.sink.beginBatch();
			decodeBatch(batch, length, this.#o.sink, this.counts);
		} catch (error) {
			/* The caller is C++: an exception would end the process. */
			this.failures++;
			this.#o.onFailure(error);
		}
		if (!this.#running) return;
		/* Counted from the last batch: later events may come without a wake-up. */
		if (this.#timer === null) this.#timer = setTimeout(() => this.#drainTail(), this.#o.tail);
		else this.#timer.refresh();
	}

	/* A drain that finds events calls #receive, which sets the timer again. */
	#drainTail(): void {
		this.#timer = null;
		if (this.#running) this.#o.kernel.drain();
	}
}
