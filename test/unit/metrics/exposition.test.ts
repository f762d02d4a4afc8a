import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { expose } from "../../../src/metrics/exposition.ts";
import { type Sample, scrapedCounter, scrapedGauge } from "../../../src/metrics/scraped-metric.ts";
import { exposed } from "../support/exposed.ts";

test("values and labels from untrusted programs cannot break the format", async () => {
	const registry = new Registry();
	scrapedGauge({
		registry,
		name: "odd",
		help: "A\\B\nC.",
		labels: ["name"],
		samples: () => [
			[{ name: 'a"b\\c\nd' }, Number.NaN],
			[{ name: "é…" }, Number.POSITIVE_INFINITY],
			[{ name: "" }, -1.5e-7],
		],
	});
	const text = await exposed(registry);
	expect(text.split("\n")).toEqual([
		"# HELP odd A\\\\B\\nC.",
		"# TYPE odd gauge",
		'odd{name="a\\"b\\\\c\\nd"} NaN',
		'odd{name="é…"} +Inf',
		'odd{name=""} -1.5e-7',
		"",
	]);
});

test("a scrape of 100,000 series blocks the event loop only for a small part of its work", async () => {
	const registry = new Registry();
	for (let family = 0; family < 10; family++) {
		scrapedCounter({
			registry,
			name: `many_${family}_total`,
			help: "Ten thousand of these.",
			labels: ["group", "rule", "phase", "action"],
			*samples(): Generator<Sample> {
				for (let i = 0; i < 10_000; i++)
					yield [{ group: "a-group", rule: `rule-number-${i}`, phase: "connect", action: "allow" }, i];
			},
		});
	}
	await exposed(registry);
	const longest: number[] = [];
	for (let round = 0; round < 3; round++) {
		const slices = await slicesOf(registry);
		expect(slices.length).toBeGreaterThan(10);
		longest.push(Math.max(...slices) / slices.reduce((sum, slice) => sum + slice));
	}
	/* The minimum: garbage is collected in one slice of some rounds. */
	expect(Math.min(...longest)).toBeLessThan(LONGEST);
});

test("a reading is shared by the metrics of one scrape, and by no other scrape", async () => {
	const registry = new Registry();
	let readings = 0;
	const read = () => ++readings;
	for (const name of ["first", "second"]) {
		scrapedGauge({
			registry,
			name,
			help: "A reading.",
			labels: ["line"],
			*samples(scrape) {
				for (let line = 0; line < 64; line++) yield [{ line }, scrape.once(read)];
			},
		});
	}
	/* With slices of 0 ms the scrape pauses after 32 lines, while another one is generated from beginning to end. */
	const slow = expose(registry, 0);
	let text = (await slow.next()).value ?? "";
	expect(new Set((await exposed(registry)).match(/\} \d+/g))).toEqual(new Set(["} 2"]));
	for await (const part of slow) text += part;
	expect(text.match(/\} \d+/g)).toEqual(Array.from({ length: 128 }, () => "} 1"));
	expect(readings).toBe(2);
});

/** Largest fraction of a scrape of 100,000 series that may run at once: 10 of 100 ms of CPU time. */
const LONGEST = 0.1;

/** CPU time of this thread between two returns to the event loop [ms]. */
async function slicesOf(registry: Registry): Promise<number[]> {
	const slices: number[] = [];
	let series = 0;
	let began = process.threadCpuUsage();
	for await (const part of expose(registry)) {
		const used = process.threadCpuUsage(began);
		slices.push((used.user + used.system) / 1000);
		series += part.split("\n").filter((line) => line.startsWith("many")).length;
		await new Promise((resolve) => setImmediate(resolve));
		began = process.threadCpuUsage();
	}
	expect(series).toBe(100_000);
	return slices;
}
