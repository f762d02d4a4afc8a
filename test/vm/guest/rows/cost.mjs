/** The cost of Sallyport on a small host (npm run test:spawn -- --only cost --memory BYTES --cpus N). */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "../check.mjs";
import { enforce, mainPid, must, running, sleep, status, until } from "../host.mjs";
import { scrape, sum } from "../metrics.mjs";
import { resolveBy } from "../names.mjs";
import { OUTSIDE, PORTS } from "../outside-addresses.mjs";

const ROUNDS = 4;
const COUNT = 2_000;
const HERE = join(import.meta.dirname, "..");

export async function rows() {
	resolveBy("files dns", `nameserver ${OUTSIDE}\n`);
	await check("memory of the daemon", async () => {
		must("systemctl", "restart", "sallyport");
		await running();
		await sleep(15_000);
		const { rss, pss, threads } = memory();
		return `${rss} MB resident, ${pss} MB its own share, ${threads} threads`;
	});
	await check("processor time of the daemon when idle", async () => {
		const before = used();
		await sleep(30_000);
		return `${((used() - before) / 300).toFixed(2)} % of one processor`;
	});
	await check("processor time of the daemon for each connection", async () => {
		const [before, first] = [used(), scrape()];
		const load = spawn(process.execPath, [join(HERE, "load.mjs"), OUTSIDE, ...Object.values(PORTS), 40].map(String));
		await sleep(30_000);
		load.kill("SIGTERM");
		await new Promise((resolve) => load.once("close", resolve));
		await sleep(1_000);
		const connections = grown(first, scrape(), 'type="connect"');
		const spent = (used() - before) * 10_000;
		return `${Math.round(spent / connections)} µs, all threads, at ${Math.round(connections / 30)} connections/s, history included; then ${memory().rss} MB resident`;
	});
	await check("processor time of the host for each connection, with Sallyport over without", async () => {
		const seen = [];
		for (let round = 0; round < ROUNDS; round++) {
			const with_ = await timeOfOne();
			must("systemctl", "stop", "sallyport");
			must("sallyport", "detach");
			const without = await timeOfOne();
			must("systemctl", "start", "sallyport");
			await running();
			seen.push({ with_, without, ratio: with_ / without });
		}
		seen.sort((a, b) => a.ratio - b.ratio);
		const ratios = seen.map(({ ratio }) => ratio.toFixed(2)).join(", ");
		const median = seen[ROUNDS >> 1];
		assert.ok(median);
		return `${ratios}; ${Math.round(median.with_)} over ${Math.round(median.without)} µs: client, server, kernel and daemon`;
	});
	await check("duration of a start", async () => {
		const pid = mainPid();
		const adopts = await seconds(() => must("systemctl", "restart", "sallyport"));
		await until("the next one", 30, () => mainPid() !== pid && status());
		must("systemctl", "stop", "sallyport");
		must("sallyport", "detach");
		const early = await seconds(() => must("systemctl", "restart", "sallyport-early"));
		await enforce();
		return `${early} s for the early unit, which loads the programs; ${adopts} s for a restart of the daemon`;
	});
}

/* µs of all processes. The two seconds are for the daemon to write its records. */
async function timeOfOne() {
	const before = usedByAll();
	const child = spawn(process.execPath, [join(HERE, "connects.mjs"), OUTSIDE, String(PORTS.allowed), String(COUNT)]);
	const code = await new Promise((resolve) => child.once("close", resolve));
	assert.equal(code, 0);
	await sleep(2_000);
	return (usedByAll() - before) / COUNT;
}

const usedByAll = () => Number(/^usage_usec (\d+)/m.exec(readFileSync("/sys/fs/cgroup/cpu.stat", "utf8"))?.[1]);

/** @param {() => unknown} work */
async function seconds(work) {
	const started = performance.now();
	await work();
	return ((performance.now() - started) / 1_000).toFixed(1);
}

/** @typedef {import("../metrics.mjs").Series} Series */
/** @param {Series} before @param {Series} after @param {string} label */
const grown = (before, after, label) =>
	sum(after, "sallyport_events_total", label) - sum(before, "sallyport_events_total", label);

/* MB. */
function memory() {
	const text = readFileSync(`/proc/${mainPid()}/smaps_rollup`, "utf8");
	/** @param {string} field */
	const of = (field) => Math.round(Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1]) / 1024);
	const threads = /^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${mainPid()}/status`, "utf8"))?.[1];
	return { rss: of("Rss"), pss: of("Pss"), threads };
}

/* Ticks of 10 ms, of all threads. */
function used() {
	const fields = readFileSync(`/proc/${mainPid()}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
	return Number(fields[11]) + Number(fields[12]);
}
