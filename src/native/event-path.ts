import type { Kernel } from "./binding.ts";
import type { Pump } from "./pump.ts";

interface Mark {
	readonly written: number;
	readonly taken: number;
	readonly batches: number;
	readonly failures: number;
}

/**
 * Health of the way from the ring to the sink, for the watchdog: an event loop that turns is not enough. Healthy means
 * that since the last check some of the waiting bytes were read, and that not every batch failed.
 */
export class EventPath {
	readonly #kernel: Pick<Kernel, "positions">;
	readonly #counts: Pick<Pump, "batches" | "failures">;
	#last: Mark;

	constructor(kernel: Pick<Kernel, "positions">, counts: Pick<Pump, "batches" | "failures">) {
		this.#kernel = kernel;
		this.#counts = counts;
		this.#last = this.#mark();
	}

	/** The problem since the last call, or null. Throws NativeError if the ring has no reader. */
	look(): string | null {
		const last = this.#last;
		const now = this.#mark();
		this.#last = now;
		if (now.taken < last.written && now.taken === last.taken) {
			return `${last.written - last.taken} bytes of events are waiting in the ring and none are read`;
		}
		const batches = now.batches - last.batches;
		return batches > 0 && now.failures - last.failures >= batches ? `all of ${batches} batches failed` : null;
	}

	#mark(): Mark {
		return { ...this.#kernel.positions(), batches: this.#counts.batches, failures: this.#counts.failures };
	}
}
