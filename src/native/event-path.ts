import type { Kernel } from "./binding.ts";
import type { Pump } from "./pump.ts";

interface Mark {
	readonly written: number;
	readonly taken: number;
	readonly batches: number;
	readonly failures: number;
}

/**
 * Whether what the kernel writes still becomes records: what was in the ring at the last look has been taken out by this one, or
 * at least much of it, and not every batch since has failed. For the watchdog, which a loop that merely turns would satisfy.
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

	/** What is wrong since the last look, or null. */
	look(): string | null {
		const last = this.#last;
		const now = this.#mark();
		this.#last = now;
		if (now.taken < last.written && now.taken === last.taken) {
			return `${last.written - last.taken} bytes of events wait in the ring and nobody takes them`;
		}
		const batches = now.batches - last.batches;
		return batches > 0 && now.failures - last.failures >= batches
			? `all of ${batches} batches could not be read`
			: null;
	}

	#mark(): Mark {
		return { ...this.#kernel.positions(), batches: this.#counts.batches, failures: this.#counts.failures };
	}
}
