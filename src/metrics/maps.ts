import type { Registry } from "prom-client";
import type { Kernel, MapName } from "../native/binding.ts";
import { liveGauge, type Sample } from "./live.ts";

export interface MapFill {
	readonly name: MapName;
	readonly entries: number;
	readonly capacity: number;
}

/**
 * How full the kernel's maps are. The kernel does not count, so each is read whole: in another thread, one after the other, and not
 * more often than once a minute, because full ones are tens of megabytes.
 */
export class MapFills {
	known: readonly MapFill[] = [];
	readonly #kernel: Pick<Kernel, "count">;
	readonly #now: () => number;
	#counted = Number.NEGATIVE_INFINITY;
	#counting: Promise<void> | null = null;

	constructor(kernel: Pick<Kernel, "count">, now: () => number = () => performance.now()) {
		this.#kernel = kernel;
		this.#now = now;
	}

	/** Of the last minute; the first one waits until there is something to say. */
	async read(): Promise<readonly MapFill[]> {
		if (this.#counting === null && this.#now() - this.#counted > EVERY) this.#counting = this.#count();
		if (this.known.length === 0) await this.#counting;
		return this.known;
	}

	async #count(): Promise<void> {
		try {
			const fills: MapFill[] = [];
			for (const name of MAPS) fills.push({ name, ...(await this.#kernel.count(name)) });
			this.known = fills;
		} catch {
			/* closed meanwhile: what was known is what there is */
		} finally {
			this.#counted = this.#now();
			this.#counting = null;
		}
	}
}

export function registerMapMetrics(registry: Registry, fills: MapFills): void {
	liveGauge({
		registry,
		name: "sallyport_map_entries",
		help: "Entries of a kernel map, counted at most once a minute.",
		labels: ["map"],
		samples: async () => (await fills.read()).map(({ name, entries }): Sample => [{ map: name }, entries]),
	});
	liveGauge({
		registry,
		name: "sallyport_map_capacity",
		help: "Entries that a kernel map has room for; most of them then forget what was used longest ago.",
		labels: ["map"],
		samples: () => fills.known.map(({ name, capacity }): Sample => [{ map: name }, capacity]),
	});
}

/** ms */
const EVERY = 60_000;
const MAPS: readonly MapName[] = [
	"names",
	"learned",
	"questions",
	"processes",
	"cgroups",
	"flows",
	"resolvers",
	"dns_answers",
];
