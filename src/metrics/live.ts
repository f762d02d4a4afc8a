import { Counter, Gauge, type Registry } from "prom-client";

export type Labels = Readonly<Record<string, string | number>>;

/** One series and its value now. */
export type Sample = readonly [labels: Labels, value: number];

export interface LiveOptions {
	readonly registry: Registry;
	readonly name: string;
	readonly help: string;
	readonly labels?: readonly string[];
	/** The series, made one after the other while they are written: nothing is held between scrapes. */
	readonly samples: Read;
}

export type Read = () => Iterable<Sample> | Promise<Iterable<Sample>>;

/** A metric whose values live elsewhere (the kernel, the tables) and are read when it is scraped. */
export interface LiveMetric {
	readonly samples: Read;
}

export function liveCounter(options: LiveOptions): void {
	new LiveCounter(options);
}

export function liveGauge(options: LiveOptions): void {
	new LiveGauge(options);
}

export function isLive(metric: unknown): metric is LiveMetric {
	return metric instanceof LiveCounter || metric instanceof LiveGauge;
}

/* prom-client checks names and labels and keeps the registry; its own copy of the values, 2 µs a series, is not needed. */
class LiveCounter extends Counter implements LiveMetric {
	readonly samples: Read;

	constructor(options: LiveOptions) {
		super(described(options));
		this.samples = options.samples;
	}

	override async get(): ReturnType<Counter["get"]> {
		return { ...(await super.get()), values: await valuesOf(this) };
	}
}

class LiveGauge extends Gauge implements LiveMetric {
	readonly samples: Read;

	constructor(options: LiveOptions) {
		super(described(options));
		this.samples = options.samples;
	}

	override async get(): ReturnType<Gauge["get"]> {
		return { ...(await super.get()), values: await valuesOf(this) };
	}
}

function described({ registry, name, help, labels = [] }: LiveOptions) {
	return { name, help, labelNames: [...labels], registers: [registry] };
}

async function valuesOf({ samples }: LiveMetric) {
	return [...(await samples())].map(([labels, value]) => ({ labels: { ...labels }, value }));
}
