import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { expose, exposeText } from "../../../src/metrics/exposition.ts";
import { liveCounter, liveGauge, type Sample } from "../../../src/metrics/live.ts";

test("values and labels from untrusted programs cannot break the format", async () => {
	const registry = new Registry();
	liveGauge({
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
	const text = await exposeText(registry);
	expect(text.split("\n")).toEqual([
		"# HELP odd A\\\\B\\nC.",
		"# TYPE odd gauge",
		'odd{name="a\\"b\\\\c\\nd"} NaN',
		'odd{name="é…"} +Inf',
		'odd{name=""} -1.5e-7',
		"",
	]);
});

test("a scrape of 100,000 series gives the event loop back after a small part of its work", async () => {
	const registry = new Registry();
	for (let family = 0; family < 10; family++) {
		liveCounter({
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
	await exposeText(registry);
	const longest: number[] = [];
	for (let round = 0; round < 3; round++) {
		const slices = await slicesOf(registry);
		expect(slices.length).toBeGreaterThan(10);
		longest.push(Math.max(...slices) / slices.reduce((sum, slice) => sum + slice));
	}
	/* The least: garbage is collected in one slice of some rounds. */
	expect(Math.min(...longest)).toBeLessThan(LONGEST);
});

/** Fraction of a whole scrape of 100,000 series, which takes 100 ms of processor time: 10 ms. */
const LONGEST = 0.1;

/** Processor time (ms) of this thread between two returns to the event loop. */
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
