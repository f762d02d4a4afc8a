import type { Registry } from "prom-client";
import { DEFAULTS, type SizedMap } from "../base/config.ts";
import type { Kernel, MapName } from "../native/binding.ts";
import { type Sample, scrapedGauge } from "./scraped-metric.ts";

export interface MapFill {
	readonly name: MapName;
	readonly entries: number;
	readonly capacity: number;
}

/**
 * Fill levels of the kernel's maps. The kernel does not count entries, so each map is read whole. A full one is tens of megabytes, so they
 * are read in another thread, one after the other, and at most once per INTERVAL.
 */
export class MapFills {
	/** Result of the last count; empty before the first. */
	known: readonly MapFill[] = [];
	readonly #kernel: Pick<Kernel, "count">;
	readonly #now: () => number;
	#counted = Number.NEGATIVE_INFINITY;
	#counting: Promise<void> | null = null;

	/** `now`: monotonic [ms]. */
	constructor(kernel: Pick<Kernel, "count">, now: () => number = () => performance.now()) {
		this.#kernel = kernel;
		this.#now = now;
	}

	/** Returns the last count, and begins the next if it is due. Waits only for the first. */
	async read(): Promise<readonly MapFill[]> {
		if (this.#counting === null && this.#now() - this.#counted > INTERVAL) this.#counting = this.#count();
		if (this.known.length === 0) await this.#counting;
		return this.known;
	}

	async #count(): Promise<void> {
		try {
			const fills: MapFill[] = [];
			for (const name of COUNTED) fills.push({ name, ...(await this.#kernel.count(name)) });
			this.known = fills;
		} catch {
			/* The kernel's handles were closed meanwhile. */
		} finally {
			this.#counted = this.#now();
			this.#counting = null;
		}
	}
}

export function registerMapMetrics(registry: Registry, fills: MapFills): void {
	scrapedGauge({
		registry,
		name: "sallyport_map_entries",
		help: "Entries of a kernel map. They are counted at most once a minute.",
		labels: ["map"],
		samples: async () => (await fills.read()).map(({ name, entries }): Sample => [{ map: name }, entries]),
	});
	scrapedGauge({
		registry,
		name: "sallyport_map_capacity",
		help: "Maximum number of entries of a kernel map. Most maps evict the entry that was used longest ago.",
		labels: ["map"],
		samples: async () => (await fills.read()).map(({ name, capacity }): Sample => [{ map: name }, capacity]),
	});
}

/** [ms] */
const INTERVAL = 60_000;
const isMap = (name: SizedMap): name is Exclude<SizedMap, "events"> => name !== "events"; /* the ring buffer */
const COUNTED: readonly MapName[] = [...(Object.keys(DEFAULTS.sizes) as SizedMap[]).filter(isMap), "dns_answers"];
