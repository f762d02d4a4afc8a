import { Counter, Gauge, type Registry } from "prom-client";

export type Labels = Readonly<Record<string, string | number>>;

/** One series and its value. */
export type Sample = readonly [labels: Labels, value: number];

/** Makes the series of a metric one by one. */
export type Samples = (scrape: Scrape) => Iterable<Sample> | Promise<Iterable<Sample>>;

export interface ScrapedOptions {
	readonly registry: Registry;
	readonly name: string;
	/** docs/metrics.md has the first sentence (test/unit/metrics/docs.test.ts). */
	readonly help: string;
	readonly labels?: readonly string[];
	readonly samples: Samples;
}

/** One response to a scraper. Its metrics share each reading of the kernel, so that they agree in any order. */
export class Scrape {
	readonly #readings = new Map<() => unknown, unknown>();

	/** Calls `read` the first time, and returns the same value from then on. */
	once<T>(read: () => T): T {
		if (!this.#readings.has(read)) this.#readings.set(read, read());
		return this.#readings.get(read) as T;
	}
}

/** A metric whose values are elsewhere (kernel, tables) and are read at each scrape. */
export interface ScrapedMetric {
	readonly type: "counter" | "gauge";
	readonly name: string;
	readonly help: string;
	readonly labels: readonly string[];
	readonly samples: Samples;
}

/** Registers a counter that is read at each scrape. Throws Error for a name or label that Prometheus does not accept. */
export function scrapedCounter(options: ScrapedOptions): void {
	new ScrapedCounter(options);
}

/** Registers a gauge that is read at each scrape. Throws Error for a name or label that Prometheus does not accept. */
export function scrapedGauge(options: ScrapedOptions): void {
	new ScrapedGauge(options);
}

/** The metrics of the registry that are read at each scrape, in the order of their registration. */
export function scrapedMetrics(registry: Registry): ScrapedMetric[] {
	const all: readonly unknown[] = registry.getMetricsAsArray();
	return all.flatMap((each) => (each instanceof ScrapedCounter || each instanceof ScrapedGauge ? each.scraped : []));
}

/* prom-client keeps the registry, checks names and labels, and writes the same text (docs/decisions/0013-metrics-exposition.md). */
class ScrapedCounter extends Counter {
	readonly scraped: ScrapedMetric;

	constructor(options: ScrapedOptions) {
		super(configuration(options));
		this.scraped = { labels: [], ...options, type: "counter" };
	}

	override async get(): ReturnType<Counter["get"]> {
		return { ...(await super.get()), values: await valuesOf(this.scraped) };
	}
}

class ScrapedGauge extends Gauge {
	readonly scraped: ScrapedMetric;

	constructor(options: ScrapedOptions) {
		super(configuration(options));
		this.scraped = { labels: [], ...options, type: "gauge" };
	}

	override async get(): ReturnType<Gauge["get"]> {
		return { ...(await super.get()), values: await valuesOf(this.scraped) };
	}
}

function configuration({ registry, name, help, labels = [] }: ScrapedOptions) {
	return { name, help, labelNames: [...labels], registers: [registry] };
}

async function valuesOf({ samples }: ScrapedMetric) {
	return [...(await samples(new Scrape()))].map(([labels, value]) => ({ labels: { ...labels }, value }));
}
