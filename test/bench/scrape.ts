/** P11: a scrape of 100,000 series over the listener, and the longest time for which it blocks the event loop. */

import { spawn } from "node:child_process";
import { Registry } from "prom-client";
import { DEFAULTS } from "../../src/base/config.ts";
import { jsonLogger } from "../../src/base/logger.ts";
import { expose } from "../../src/metrics/exposition.ts";
import { listenForScrapes } from "../../src/metrics/listener.ts";
import { type Sample, scrapedCounter } from "../../src/metrics/scraped-metric.ts";
import { Callers } from "../../src/system/peer.ts";
import { info, type Row } from "./measures.ts";
import { median } from "./rounds.ts";

const FAMILIES = 10;
const SERIES = 10_000;

export async function p11(rounds: number): Promise<Row[]> {
	const registry = many();
	const log = jsonLogger((line) => void process.stderr.write(line));
	const metrics = { ...DEFAULTS.metrics, listen: "127.0.0.1:0" };
	const listener = await listenForScrapes(metrics, {
		expose: () => expose(registry),
		callers: new Callers(() => 0),
		log,
	});
	const turns: number[] = [];
	const took: number[] = [];
	try {
		await scrape(listener.address);
		for (let round = 0; round < rounds; round++) {
			const watch = new Turns();
			/* The start of the client process is not part of the measurement. */
			took.push(await scrape(listener.address, () => watch.start()));
			turns.push(watch.stop());
		}
	} finally {
		await listener.close();
	}
	return [
		info("P11", "a scrape of 100,000 series", median(took), "ms"),
		{ goal: "P11", what: "longest stall of a scrape, median", value: median(turns), unit: "ms", atMost: 10 },
		{ goal: "P11", what: `longest stall of ${rounds} scrapes`, value: Math.max(...turns), unit: "ms", atMost: 10 },
	];
}

class Turns {
	#last = 0;
	#longest = 0;
	#over = false;

	start(): void {
		this.#last = performance.now();
		setImmediate(() => this.#turn());
	}

	stop(): number {
		this.#over = true;
		return this.#longest;
	}

	#turn(): void {
		const now = performance.now();
		this.#longest = Math.max(this.#longest, now - this.#last);
		this.#last = now;
		if (!this.#over) setImmediate(() => this.#turn());
	}
}

function many(): Registry {
	const registry = new Registry();
	for (let family = 0; family < FAMILIES; family++) {
		scrapedCounter({
			registry,
			name: `many_${family}_total`,
			help: "Ten thousand of these.",
			labels: ["group", "rule", "phase", "action"],
			*samples(): Generator<Sample> {
				for (let i = 0; i < SERIES; i++)
					yield [{ group: "a-group", rule: `rule-number-${i}`, phase: "connect", action: "allow" }, i];
			},
		});
	}
	return registry;
}

/** Duration [ms]. */
function scrape(address: string, started: () => void = () => {}): Promise<number> {
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	const begin = performance.now();
	const child = spawn("curl", ["-sf", "-o", "/dev/null", `http://${address}/metrics`]);
	started();
	child.on("exit", (code) =>
		code === 0 ? resolve(performance.now() - begin) : reject(new Error(`curl ended with ${code}`)),
	);
	return promise;
}
