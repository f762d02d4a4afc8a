/** P11: node test/bench/scrape.ts [ROUNDS]. A scrape of 100,000 series over the listener: the longest time for which the event loop did not turn. */
import { spawn } from "node:child_process";
import { Registry } from "prom-client";
import { DEFAULTS } from "../../src/config.ts";
import { jsonLogger } from "../../src/logger.ts";
import { expose } from "../../src/metrics/exposition.ts";
import { listenForScrapes } from "../../src/metrics/listener.ts";
import { liveCounter, type Sample } from "../../src/metrics/live.ts";

const rounds = Number(process.argv[2] ?? 10);
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
const log = jsonLogger((line) => void process.stderr.write(line));
const listener = await listenForScrapes({ ...DEFAULTS.metrics, listen: "127.0.0.1:0" }, () => expose(registry), log);
await scrape();
const turns: number[] = [];
const took: number[] = [];
for (let round = 0; round < rounds; round++) {
	let [last, longest, over] = [performance.now(), 0, false];
	const turn = () => {
		const now = performance.now();
		longest = Math.max(longest, now - last);
		last = now;
		if (!over) setImmediate(turn);
	};
	/* The client's own start is not the scrape. */
	const done = scrape(() => {
		last = performance.now();
		setImmediate(turn);
	});
	took.push(await done);
	over = true;
	turns.push(longest);
}
await listener.close();
const sorted = turns.toSorted((a, b) => a - b);
const text = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(" ");
process.stdout.write(
	`P11 longest turn of each scrape, ms: ${text(turns)}; median ${text(sorted.slice(sorted.length >> 1, (sorted.length >> 1) + 1))}\n` +
		`scrape, ms: ${text(took)}\n`,
);

function scrape(started: () => void = () => {}): Promise<number> {
	const { promise, resolve } = Promise.withResolvers<number>();
	const begin = performance.now();
	const child = spawn("curl", ["-s", "-o", "/dev/null", `http://${listener.address}/metrics`]);
	started();
	child.on("exit", () => resolve(performance.now() - begin));
	return promise;
}
