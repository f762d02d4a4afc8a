/**
 * A flood of denied and allowed connections and of DNS queries in a cgroup of its own, for some minutes, and what it does to the
 * daemon's memory. Run by hand. Figures are ratios, so that runs on different machines compare.
 */
import { readFileSync } from "node:fs";
import { amount, readOptions } from "../../scripts/options.ts";
import { DNS4 } from "../support/addresses.ts";
import { metrics } from "../support/api.ts";
import { Daemon } from "../support/daemon.ts";
import { policy } from "../support/policies.ts";
import { sleep } from "../support/run.ts";
import { PORTS } from "../support/stage.ts";
import { World } from "../support/world.ts";
import { ZONE } from "../support/zones.ts";

const HELP = `
node test/soak/soak.ts [--minutes N]     floods a daemon for N minutes (10) and reports its memory

Needs root and the build. Attaches only to a cgroup that it makes, with traffic between two network namespaces that it makes.
Exits with 1 if memory grows by more than a tenth after the first third, if a query fails, or if the history has lost a
connection of another unit. The history is limited to 64 MB, so that records of the flood are deleted.
`;

const { values } = readOptions(HELP, { minutes: { type: "string", default: "10" } });
const minutes = amount("--minutes", values.minutes);

/** [ms] */
const EVERY = 2_000;
/** Fraction of the time in which bounded tables and caches fill. */
const WARM_UP = 1 / 3;
/** Largest growth of memory between the middle and the last third. */
const GROWTH = 1.1;
const POLICY = policy({
	rules: [
		{ name: "flood", to: { cidr: "198.19.5.0/24", ports: PORTS.echo } },
		{ name: "other", to: { cidr: "198.19.8.0/24", ports: PORTS.echo } },
		{ name: "refused", action: "deny", to: { cidr: "198.19.6.0/24" } },
		{ name: "generated", to: { domain: "*.gen.test", ports: PORTS.sink } },
	],
});

interface Sample {
	/** [kB] Anonymous memory of the daemon: without the file's pages. */
	readonly memory: number;
	/** [ms] */
	readonly answer: number;
}

const world = await World.make();
let code = 1;
try {
	await world.server.zone(ZONE);
	await world.server.listen("echo", PORTS.echo);
	await world.server.listen("sink", PORTS.sink);
	const daemon = await Daemon.start(world, POLICY, ["--history-megabytes", "64"]);
	code = await soak(daemon);
} finally {
	world.close();
}
process.exitCode = code;

async function soak(daemon: Daemon): Promise<number> {
	const end = performance.now() + minutes * 60_000;
	const runs = () => performance.now() < end;
	const samples: Sample[] = [];
	const failures: string[] = [];
	let flooded = 0;
	let others = 0;

	/* One kind after another, so that the other unit and the daemon have a share of two cores. */
	const flood = async () => {
		const storm = (to: string) => [world.client("storm"), to, "5000", String(PORTS.echo)];
		const queries = [world.client("dnsconnect"), "query", "4", DNS4, "a", "0", "500", String(PORTS.sink)];
		const kinds = [storm("198.19.6.1"), storm("198.19.5.1"), queries];
		for (let turn = 0; runs(); turn++) {
			const argv = kinds[turn % kinds.length] ?? queries;
			const { code, stderr } = await world.run(argv, { below: "flood.service", timeout: 120_000 });
			if (code === 0) flooded += argv === queries ? 500 : 5_000;
			else failures.push(`${argv[0]}: exit ${code} ${stderr}`);
		}
	};
	const other = async () => {
		while (runs()) {
			const argv = [world.client("storm"), "198.19.8.1", "2", String(PORTS.echo)];
			const { stdout } = await world.run(argv, { below: "other.service" });
			/* Each thread of the client makes one connection. */
			const tally = JSON.parse(stdout) as Record<string, { ok: number }>;
			others += tally[PORTS.echo]?.ok ?? 0;
			await sleep(1_000);
		}
	};
	const watch = async () => {
		while (runs()) {
			await sleep(EVERY);
			const began = performance.now();
			await daemon.get("/v1/connections?limit=10&unit=other.service").catch((error) => failures.push(String(error)));
			samples.push({ memory: anonymous(daemon.pid), answer: performance.now() - began });
		}
	};
	await Promise.all([flood(), other(), watch()]);
	return report(daemon, { samples, failures, flooded, others });
}

interface Outcome {
	readonly samples: readonly Sample[];
	readonly failures: readonly string[];
	/** Connections and queries of the flood. */
	readonly flooded: number;
	/** Connections of the other unit. */
	readonly others: number;
}

async function report(daemon: Daemon, { samples, failures, flooded, others }: Outcome): Promise<number> {
	await sleep(5_000);
	const memory = samples.map((sample) => sample.memory);
	const first = memory.slice(0, Math.ceil(memory.length / 20));
	const from = Math.floor(memory.length * WARM_UP);
	const half = from + Math.floor((memory.length - from) / 2);
	const [begin, middle, last] = [median(first), median(memory.slice(from, half)), median(memory.slice(half))];
	const answers = samples.map(({ answer }) => answer).sort((a, b) => a - b);
	const all = await metrics(daemon);
	const sum = (name: string) => all.filter((each) => each.name === name).reduce((total, { value }) => total + value, 0);
	const top = await daemon.get<{ rows: readonly { count: number }[] }>(
		"/v1/top?by=unit&unit=other.service&kind=connection",
	);
	const kept = top.rows[0]?.count ?? 0;
	const { history } = await daemon.get<{ history: { bytes: number } }>("/v1/status");
	const growth = last / middle;
	const rows: [string, string][] = [
		["flood", `${flooded} connections and queries in ${minutes} minutes, ${Math.round(flooded / minutes / 60)}/s`],
		["memory at the beginning", `${Math.round(begin / 1024)} MB`],
		["middle third / beginning", (middle / begin).toFixed(2)],
		["last third / middle third", growth.toFixed(3)],
		["largest / middle third", (Math.max(...memory) / middle).toFixed(2)],
		["history / its limit", (history.bytes / (64 * 1024 * 1024)).toFixed(2)],
		["events lost / written", share(sum("sallyport_events_lost_total"), sum("sallyport_events_total"))],
		[
			"records dropped / written",
			share(sum("sallyport_history_dropped_total"), sum("sallyport_history_written_total")),
		],
		["other unit, in history", `${kept} of ${others}`],
		[
			"a query, slowest / median",
			`${(at(answers, 1) / at(answers, 0.5)).toFixed(1)} (${Math.round(at(answers, 1))} ms)`,
		],
		["queries that failed", `${failures.length}${failures[0] === undefined ? "" : `: ${failures[0]}`}`],
	];
	for (const [name, value] of rows) process.stdout.write(`${name.padEnd(28)}${value}\n`);
	return growth <= GROWTH && failures.length === 0 && kept >= others ? 0 : 1;
}

function anonymous(pid: number | undefined): number {
	return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN);
}

function share(some: number, all: number): string {
	return all === 0 ? "none" : (some / all).toFixed(4);
}

function median(values: readonly number[]): number {
	return at(
		[...values].sort((a, b) => a - b),
		0.5,
	);
}

/** The value below which `part` of the sorted values are. */
function at(sorted: readonly number[], part: number): number {
	return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
