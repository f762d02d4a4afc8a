import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { expose, exposeText } from "../../../src/metrics/exposition.ts";
import { liveCounter, liveGauge, type Sample } from "../../../src/metrics/live.ts";

test("values and labels that others chose cannot break the format", async () => {
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

test("a scrape of 100,000 series keeps the event loop for less than 10 ms at a time (P11)", async () => {
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
	/* Of this thread's own time: another process on the same core is not our stall. */
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
	expect(slices.length).toBeGreaterThan(10);
	expect(Math.max(...slices)).toBeLessThan(10);
});
