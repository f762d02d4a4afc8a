/** Cost of the BPF programs: one function per measure. Each returns table rows from one interleaved run. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DNS4 } from "../support/addresses.ts";
import { policy } from "../support/policies.ts";
import { parse } from "../support/stage.ts";
import type { BenchEnvironment } from "./environment.ts";
import { enableStats, meanTimes } from "./program-time.ts";
import { interleave, median } from "./rounds.ts";

export interface Row {
	readonly goal: string;
	readonly what: string;
	readonly value: number;
	readonly unit: "ratio" | "ns" | "us" | "ms" | "count" | "MB" | "%" | "/s";
	/** Upper limit; null: for information only. */
	readonly atMost: number | null;
	readonly atLeast?: number;
}

export async function p1({ loops, daemon }: BenchEnvironment, rounds: number): Promise<Row[]> {
	const count = 800;
	/* The daemon is stopped while the loop runs, and reads the ring afterwards. The measured difference is the programs' cost. */
	const paused = async () => {
		process.kill(daemon.pid ?? 0, "SIGSTOP");
		try {
			return await loops.watched.run("connect", count);
		} finally {
			process.kill(daemon.pid ?? 0, "SIGCONT");
		}
	};
	const { median: time, ratio } = await interleave(rounds, "nothing", {
		nothing: () => loops.nothing.run("connect", count),
		watched: () => loops.watched.run("connect", count),
		nftables: () => loops.nftables.run("connect", count),
		paused,
	});
	return [
		info("P1", "socket + connect + close, nothing attached", time.nothing / 1000, "us"),
		{
			goal: "P1",
			what: "enforcing and recording, 1,000,000 prefixes",
			value: ratio.watched,
			unit: "ratio",
			atMost: 1.04,
		},
		info("P1", "the same while the daemon is paused (programs alone)", ratio.paused, "ratio"),
		info("P1", "nftables ct state new, set of 100,000", ratio.nftables, "ratio"),
		{
			goal: "P1",
			what: "what we add, as a part of what nftables adds",
			value: (ratio.watched - 1) / (ratio.nftables - 1),
			unit: "ratio",
			atMost: 0.25,
		},
	];
}

export async function p2(environment: BenchEnvironment, rounds: number): Promise<Row[]> {
	const rows = await compare(environment, "prefixes 10 → 1,000,000", rounds, [environment.few, environment.many], () =>
		environment.loops.watched.run("connect", 5_000),
	);
	const lists = [10, 100_000].map((size) => namePolicy(environment, size));
	let first = 0;
	const names = await compare(environment, "names 10 → 100,000", rounds, lists, async () => {
		first = (first + 1_000) % 15_000;
		const argv = [environment.world.client("dnsconnect"), "query", "4", DNS4, "a", String(first), "1000", "7002"];
		const sum = parse<{ ok: number }>((await environment.world.run(argv)).stdout);
		if (sum.ok !== 1_000) throw new Error(`names: ${JSON.stringify(sum)}`);
	});
	return [...rows, ...names];
}

export async function p4({ loops }: BenchEnvironment, rounds: number): Promise<Row[]> {
	const trip = await interleave(rounds, "nothing", {
		nothing: () => loops.nothing.run("roundtrip", 800),
		return1: () => loops.return1.run("roundtrip", 800),
		watched: () => loops.watched.run("roundtrip", 800),
		nftables: () => loops.nftables.run("roundtrip", 800),
	});
	const bulk = await interleave(Math.ceil(rounds / 4), "nothing", {
		nothing: () => loops.nothing.run("bulk", 400),
		watched: () => loops.watched.run("bulk", 400),
	});
	return [
		info("P4", "round trip of one byte, nothing attached", trip.median.nothing / 1000, "us"),
		info("P4", "programs that return 1", trip.ratio.return1, "ratio"),
		info("P4", "after our verdict", trip.ratio.watched, "ratio"),
		info("P4", "nftables established accept", trip.ratio.nftables, "ratio"),
		{
			goal: "P4",
			what: "what we add, over what return 1 adds",
			value: (trip.ratio.watched - 1) / (trip.ratio.return1 - 1),
			unit: "ratio",
			atMost: 1.5,
		},
		{
			goal: "P4",
			what: "throughput of 64 kB sends, over nothing attached",
			value: 1 / bulk.ratio.watched,
			unit: "ratio",
			atMost: null,
			atLeast: 0.98,
		},
	];
}

export async function p6({ loops }: BenchEnvironment, rounds: number): Promise<Row[]> {
	const { median: time, ratio } = await interleave(rounds, "refused", {
		refused: () => loops.nothing.run("refused", 800),
		denied: () => loops.watched.run("refused", 800),
	});
	return [
		info("P6", "a refused connect, nothing attached", time.refused / 1000, "us"),
		info("P6", "a denied connect", time.denied / 1000, "us"),
		{ goal: "P6", what: "denied over refused", value: ratio.denied, unit: "ratio", atMost: 0.2 },
	];
}

export async function p12({ daemon, few, many, loops }: BenchEnvironment, rounds: number): Promise<Row[]> {
	const times: number[] = [];
	let wrong = 0;
	const count = () => {
		wrong += 1;
	};
	for (let round = 0; round < rounds; round++) {
		await daemon.put(few);
		const started = performance.now();
		let loading = true;
		const loaded = daemon.put(many).finally(() => {
			times.push(performance.now() - started);
			loading = false;
		});
		/* Both policies decide the loop's connections alike, so any other outcome means that the switch was not atomic. */
		while (loading) {
			await loops.watched.run("connect", 50).catch(count);
			await loops.watched.run("refused", 50).catch(count);
		}
		await loaded;
	}
	return [
		{ goal: "P12", what: "1,000,000 prefixes: from PUT to in force", value: median(times), unit: "ms", atMost: 1_000 },
		{ goal: "P12", what: "batches judged wrongly meanwhile", value: wrong, unit: "count", atMost: 0 },
	];
}

/** Program time under two policies, alternating. */
async function compare(
	environment: BenchEnvironment,
	what: string,
	rounds: number,
	policies: readonly string[],
	work: () => Promise<unknown>,
): Promise<Row[]> {
	const seen = policies.map(() => new Map<string, number[]>());
	for (let round = 0; round < rounds; round++) {
		for (const [at, text] of policies.entries()) {
			await environment.daemon.put(text);
			await work(); // warm-up, not counted
			const off = enableStats(environment.world.cleanup);
			for (const [name, mean] of await meanTimes(environment.world.cgroup.path, work)) {
				const all = seen[at]?.get(name) ?? [];
				seen[at]?.set(name, [...all, mean]);
			}
			off();
		}
	}
	return [...(seen[0]?.keys() ?? [])].flatMap((name) => {
		const [few, many] = [median(seen[0]?.get(name) ?? []), median(seen[1]?.get(name) ?? [])];
		return [
			info("P2", `${name}, ${what.split(" → ")[0]}`, few, "ns"),
			{ goal: "P2", what: `${name}, ${what}`, value: many / few, unit: "ratio" as const, atMost: 1.5 },
		];
	});
}

function namePolicy({ world }: BenchEnvironment, count: number): string {
	const names = Array.from({ length: count - 1 }, (_, at) => `host-${at}.${["eu", "us", "ap"][at % 3]}.listed.example`);
	const file = join(world.folder, `names-${count}.txt`);
	writeFileSync(file, `${[...names, "*.gen.test"].join("\n")}\n`);
	return policy({
		defaults: { tls: "allow" },
		rules: [{ name: "named", to: { domain: "@names" } }],
		more: { lists: { names: { file } } },
	});
}

export function info(goal: string, what: string, value: number, unit: Row["unit"]): Row {
	return { goal, what, value, unit, atMost: null };
}
