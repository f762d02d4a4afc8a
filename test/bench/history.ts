/** node test/bench/history.ts: fills a history, then queries it while rows arrive. It uses two CPUs, so run nothing beside it. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { amount, readOptions } from "../../scripts/options.ts";
import type { ProcessInfo } from "../../src/identity/process-table.ts";
import type { Connection } from "../../src/records/connection.ts";
import type { History, TopQuery } from "../../src/records/contract.ts";
import { BatchBuilder } from "../../src/store/batch.ts";
import { BatchWriter } from "../../src/store/batch-writer.ts";
import { openForWriting } from "../../src/store/database.ts";
import { openHistory } from "../../src/store/open.ts";
import { DAY, describeProcess, filterOf, made, someProcess } from "../unit/store/fixture.ts";

const USAGE = `
node test/bench/history.ts [OPTIONS]     a history of a month, and questions to it while rows arrive

  --rows N        10,000,000 if not given
  --seconds N     for each question, 20
  --rate N        rows a second that arrive meanwhile, 5,000
  --folder DIR    for the file (1.5 GB for 10,000,000 rows), /tmp
  --json FILE     the figures for scripts
`;
const { values: options } = readOptions(USAGE, {
	rows: { type: "string", default: "10000000" },
	seconds: { type: "string", default: "20" },
	rate: { type: "string", default: "5000" },
	folder: { type: "string", default: tmpdir() },
	json: { type: "string" },
});
const ROWS = amount("--rows", options.rows);
const SECONDS = amount("--seconds", options.seconds);
const RATE = amount("--rate", options.rate);
const LIMITS = { maxAge: 365 * DAY, maxBytes: 1024 ** 4 };
const NAMES = 10_000;

const folder = mkdtempSync(join(options.folder, "sallyport-bench-"));
const file = join(folder, "history.db");
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.on("SIGINT", () => process.exit(130));

/*
 * A month of one host. Its 10,000 names follow Zipf's law. Each name is used by three of 40 workloads (4,000 processes) and
 * decided by one of 20 rules. There are 5,000 addresses, one DNS query for every four connections, and one denied name in
 * fifty.
 */
const now = Date.now();
const random = xorshift(42);
const workloads = Array.from({ length: 40 }, (_, index) => `worker-${index}`);
const processes: ProcessInfo[] = Array.from({ length: 4_000 }, (_, index) =>
	someProcess(1_000 + index, workloads[index % 40] ?? "", index % 3),
);
const rules = Array.from({ length: 20 }, (_, index) => ({ group: `group-${index % 4}`, name: `rule-${index}` }));
const zipf = zipfian(NAMES);
const nameOf = (rank: number) => `${rank % 7 === 0 ? "api" : "www"}.host-${rank}.example${rank % 50}.com`;

const filled = performance.now();
fill();
const fillSeconds = (performance.now() - filled) / 1000;
const history = openHistory({ file, ...LIMITS, describe: describeProcess, buffer: 65_536 });
const quiet = await measure(history, 0);
const busy = await measure(history, RATE);
const status = history.status();
await history.close();

const all = [
	...quiet.rows.map((row) => ({ ...row, arriving: 0 })),
	...busy.rows.map((row) => ({ ...row, arriving: busy.rate })),
];
for (const row of all) {
	const figures = [row.p50, row.p99, row.max].map((ms) => ms.toFixed(1).padStart(9)).join("");
	process.stdout.write(
		`${String(row.arriving).padStart(6)}/s  ${row.what.padEnd(44)}${figures}  ${String(row.count).padStart(5)} times\n`,
	);
}
process.stdout.write(
	`\n${status.rows} rows, ${(status.bytes / 1e6).toFixed(0)} MB, ${(status.bytes / status.rows).toFixed(0)} B a row; filled in ${fillSeconds.toFixed(0)} s ` +
		`(${(ROWS / fillSeconds).toFixed(0)} rows/s). ms: p50, p99, most.\n` +
		`While ${busy.rate} rows/s arrived: ${busy.recordUs.toFixed(2)} µs a record on the main thread, ` +
		`${busy.cpuUs.toFixed(1)} µs of CPU a row with the writer (no questions asked), event loop at most ${busy.stallMs.toFixed(1)} ms, ` +
		`lag at most ${busy.lagMs} ms, dropped ${status.dropped}; resident ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB.\n` +
		`${release()}, ${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}\n`,
);
const json = {
	date: new Date().toISOString(),
	rows: status.rows,
	bytes: status.bytes,
	fillSeconds,
	queries: all,
	arriving: busy,
};
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(json, null, 2)}\n`);
else process.stdout.write(`${JSON.stringify({ ...json, arriving: { ...busy, rows: undefined } })}\n`);

function one(id: number): Connection {
	const rank = zipf();
	const dns = random() < 0.2;
	return made({
		id,
		name: nameOf(rank),
		remote: `10.${rank % 20}.${(rank >> 3) % 50}.${1 + (rank % 5)}`,
		process: processes[Math.floor(random() * 100) * 40 + ((rank + Math.floor(random() * 3)) % 40)] ?? null,
		unit: `unit-${rank % 12}.service`,
		port: dns ? 53 : rank % 10 === 0 ? 8_000 + (rank % 20) : 443,
		verdict: rank % 50 === 49 ? 2 : 1,
		rule: rules[rank % 20] ?? null,
		bytesOut: Math.floor(random() * 10_000),
		bytesIn: Math.floor(random() * 100_000),
		dns,
	});
}

/* The writer's own steps, without its thread and without waiting for the disk. */
function fill(): void {
	const database = openForWriting(file, LIMITS.maxBytes);
	database.exec("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; PRAGMA wal_autocheckpoint = 20000");
	const records = new BatchWriter(database);
	const step = (30 * DAY * 1000) / ROWS;
	let id = (now - 30 * DAY) * 1000;
	for (let at = 0; at < ROWS; ) {
		const builder = new BatchBuilder(describeProcess);
		for (const end = Math.min(ROWS, at + 10_000); at < end; at++) {
			id += step;
			builder.add(one(Math.floor(id)));
		}
		records.write(builder.take());
		while (records.segments.step(records.newest));
		if (at % 1_000_000 === 0) process.stderr.write(`bench: ${at} rows\n`);
	}
	database.close();
}

interface Measured {
	readonly what: string;
	readonly p50: number;
	readonly p99: number;
	readonly max: number;
	readonly count: number;
}

async function measure(to: History, rate: number) {
	const hour = 3_600_000;
	const questions: readonly (readonly [string, () => Promise<unknown>])[] = [
		["newest 100", () => to.query({})],
		["name, newest 100", () => to.query({ filter: filterOf({ name: nameOf(zipf()) }) })],
		["name and a day", () => to.query({ filter: filterOf({ name: nameOf(zipf()), ...day() }) })],
		["name, deep page (cursor)", deepPage],
		["name with wildcard and a day", () => to.query({ filter: filterOf({ name: "**.example7.com", ...day() }) })],
		[
			"denied of a unit, a day",
			() => to.query({ filter: filterOf({ verdict: "deny", unit: "unit-3.service", ...day() }) }),
		],
		["a prefix", () => to.query({ filter: filterOf({ address: "10.7.1.0/24" }) })],
		["top by name, 30 days", () => ask({ groupBy: ["name"] })],
		["top by name, last 24 hours", () => ask({ groupBy: ["name"], filter: { since: now - 24 * hour } })],
		["top by name, last 15 minutes", () => ask({ groupBy: ["name"], filter: { since: now - hour / 4 } })],
		["top by unit, 30 days", () => ask({ groupBy: ["unit"] })],
		["top by address, 30 days", () => ask({ groupBy: ["address"] })],
		["top by name and unit, 30 days", () => ask({ groupBy: ["name", "unit"] })],
		[
			"top by name and unit, denied, 7 days",
			() => ask({ groupBy: ["name", "unit"], filter: filterOf({ verdict: "deny", since: now - 7 * DAY }) }),
		],
		["a name: addresses, who asked", () => to.name(nameOf(zipf()))],
	];
	const ask = (query: TopQuery) => to.top(query);
	let cursor: string | undefined;
	async function deepPage() {
		const page = await to.query({ filter: filterOf({ name: nameOf(0) }), ...(cursor === undefined ? {} : { cursor }) });
		cursor = page.next ?? undefined;
	}
	const arrival = arrive(to, rate);
	let cpuUs = 0;
	if (rate > 0) {
		/* The cost of writing without queries is the baseline. */
		const before = { cpu: process.cpuUsage(), sent: arrival.sent() };
		await new Promise((resolve) => setTimeout(resolve, 5_000));
		const { user, system } = process.cpuUsage(before.cpu);
		cpuUs = (user + system) / (arrival.sent() - before.sent);
	}
	const began = performance.now();
	const sentBefore = arrival.sent();
	const loop = monitorEventLoopDelay({ resolution: 1 });
	loop.enable();
	const rows: Measured[] = [];
	for (const [what, question] of questions) {
		const times: number[] = [];
		const end = performance.now() + (SECONDS * 1000) / questions.length;
		await question();
		while (times.length < 5 || (performance.now() < end && times.length < 2_000)) {
			const start = performance.now();
			await question();
			times.push(performance.now() - start);
		}
		times.sort((a, b) => a - b);
		const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
		rows.push({ what, p50: at(0.5), p99: at(0.99), max: at(1), count: times.length });
	}
	loop.disable();
	const seconds = (performance.now() - began) / 1000;
	const sent = arrival.sent() - sentBefore;
	arrival.stop();
	await to.flush();
	return {
		rows,
		rate: Math.round(sent / seconds),
		cpuUs,
		recordUs: arrival.recordUs(),
		stallMs: loop.max / 1e6,
		lagMs: arrival.lag(),
	};
}

/* Records what is due every 10 ms. The connections are made in advance, so that only recording is measured. */
function arrive(to: History, rate: number) {
	let sent = 0;
	let lag = 0;
	let spent = 0;
	const began = performance.now();
	const timer =
		rate === 0
			? undefined
			: setInterval(() => {
					const due = Math.floor(((performance.now() - began) / 1000) * rate) - sent;
					const list = Array.from({ length: due }, (_, index) => one(Math.floor((Date.now() - 1) * 1000) + index));
					const start = performance.now();
					for (const connection of list) to.record(connection);
					spent += performance.now() - start;
					sent += due;
					lag = Math.max(lag, to.status().lag);
				}, 10);
	return {
		sent: () => sent,
		lag: () => lag,
		recordUs: () => (sent === 0 ? 0 : (spent * 1000) / sent),
		stop: () => clearInterval(timer),
	};
}

function day(): { readonly since: number; readonly until: number } {
	const since = now - (1 + Math.floor(random() * 28)) * DAY;
	return { since, until: since + DAY };
}

function xorshift(seed: number): () => number {
	let state = seed;
	return () => {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		return (state >>> 0) / 2 ** 32;
	};
}

function zipfian(count: number): () => number {
	const sums = new Float64Array(count);
	let total = 0;
	for (let rank = 0; rank < count; rank++) {
		total += 1 / (rank + 1);
		sums[rank] = total;
	}
	return () => {
		const target = random() * total;
		let low = 0;
		let high = count - 1;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((sums[middle] ?? 0) < target) low = middle + 1;
			else high = middle;
		}
		return low;
	};
}
