/** P7 to P10: the daemon's resource use and the event rates that it sustains. Each measure starts its own daemon. */

import { Daemon } from "../support/daemon.ts";
import { policy } from "../support/policies.ts";
import { sleep } from "../support/run.ts";
import { CLOSED, grown, settled, storm } from "../support/storm.ts";
import { World } from "../support/world.ts";
import { compileLoops, loopbackNamespace } from "./environment.ts";
import { Flood } from "./flood.ts";
import { Loop } from "./loop.ts";
import { info, type Row } from "./measures.ts";
import { memoryOf, resetPeak, type Spent, spentDuring } from "./threads.ts";

/** Duration of the work [s]. */
export interface Lengths {
	readonly storm: number;
	readonly flood: number;
	readonly steady: number;
	readonly idle: number;
}

const EVENTS = 500_000;
const CONNECTIONS = 10_000;
const ALLOW = policy({ defaults: { connect: "allow", tls: "allow" } });
/* Time after the start until the garbage of the start has been freed and the JavaScript engine is idle [ms]. */
const REST = 20_000;

/* Verification is slow on a busy machine [ms]. */
const START = 120_000;

type Measure = (lengths: Lengths) => Promise<Row[]>;

export const p7: Measure = (lengths) =>
	withDaemon([], async (world, daemon) => {
		const real = await accounted(daemon, () => storm(world, "198.19.5.1", CLOSED, lengths.storm));
		const flood = Flood.load(world);
		/* By then the JIT has compiled the hot functions. */
		await flood.run(daemon, EVENTS / 5, Math.min(5, lengths.flood));
		const made = await accounted(daemon, async () => (await flood.run(daemon, EVENTS, lengths.flood)).events);
		const loopback = `${lengths.storm} s of connections on loopback`;
		const synthetic = `${lengths.flood} s of ${EVENTS / 1000},000 synthetic events/s`;
		return [
			info("P7", loopback, real.made / real.seconds, "/s"),
			{
				goal: "P7",
				what: `${loopback}: neither delivered nor counted`,
				value: real.unaccounted,
				unit: "count",
				atMost: 0,
			},
			{ goal: "P7", what: `${loopback}: lost`, value: real.lost, unit: "count", atMost: 0 },
			{
				...{ goal: "P7", what: `${synthetic}: made`, value: made.made / made.seconds, unit: "/s" },
				...{ atMost: null, atLeast: EVENTS * 0.99 },
			},
			{
				goal: "P7",
				what: `${synthetic}: neither delivered nor counted`,
				value: made.unaccounted,
				unit: "count",
				atMost: 0,
			},
			{ goal: "P7", what: `${synthetic}: lost`, value: made.lost, unit: "count", atMost: 0 },
			info("P7", `${synthetic}: main thread, an event`, made.spent.main / 1000 / made.received, "us"),
			info("P7", `${synthetic}: main thread waited for a processor`, made.spent.mainWaited / 1e7 / made.seconds, "%"),
		];
	});

export const p8: Measure = async (lengths) => [
	...(await steady("", [], lengths, 2)),
	...(await steady(", no history", ["--no-history"], lengths, null)),
];

export const p9: Measure = (lengths) =>
	withDaemon([], async (world, daemon) => {
		const pid = daemon.pid ?? 0;
		await sleep(REST);
		const idle = memoryOf(pid).resident;
		const flood = Flood.load(world);
		resetPeak(pid);
		await flood.run(daemon, EVENTS, Math.min(20, lengths.flood));
		const { peak } = memoryOf(pid);
		return [
			{ goal: "P9", what: "resident when idle", value: idle / 1e6, unit: "MB", atMost: 80 },
			info("P9", "at most under P7", peak / 1e6, "MB"),
			{ goal: "P9", what: "under P7, over idle", value: peak / idle, unit: "ratio", atMost: 1.1 },
		];
	});

export const p10: Measure = (lengths) =>
	withDaemon([], async (_, daemon) => {
		await sleep(REST);
		const { all, wakes, seconds } = await spentDuring(daemon.pid ?? 0, () => sleep(lengths.idle * 1000));
		return [
			{ goal: "P10", what: "processor time when idle", value: all / 1e7 / seconds, unit: "%", atMost: 0.2 },
			{ goal: "P10", what: "wake-ups of all threads when idle", value: wakes / seconds, unit: "/s", atMost: 5 },
		];
	});

async function withDaemon<T>(flags: readonly string[], work: (world: World, daemon: Daemon) => Promise<T>): Promise<T> {
	const world = await World.make();
	try {
		const daemon = new Daemon(world, ALLOW, flags);
		await daemon.start(START);
		return await work(world, daemon);
	} finally {
		world.close();
	}
}

/** Writes pairs of connection and end, each with its own address, at a rate that the machine can sustain. */
function steady(which: string, flags: readonly string[], lengths: Lengths, goal: number | null): Promise<Row[]> {
	return withDaemon(flags, async (world, daemon) => {
		const ns = loopbackNamespace("p", world);
		const loop = await Loop.start(compileLoops(world.folder), ns, world.cgroup, 20_000, world.cleanup);
		await loop.pace(CONNECTIONS);
		await connects(loop, Math.min(10, lengths.steady));
		const before = await settled(daemon);
		const spent = await spentDuring(daemon.pid ?? 0, async () => {
			await connects(loop, lengths.steady);
			/* Records of the last batch must be in the history as well. */
			await sleep(1_000);
		});
		const after = await settled(daemon);
		const events = Object.keys(after.received).reduce((sum, type) => sum + grown(before, after, "received", type), 0);
		const each = (ns: number) => ns / 1000 / events;
		const threads = (name: string) => spent.byName.get(name) ?? 0;
		const at = `${CONNECTIONS / 1000},000 connections/s${which}`;
		return [
			info("P8", `${at}: reached`, (after.decided - before.decided) / (spent.seconds - 1), "/s"),
			{ goal: "P8", what: `${at}: main thread, an event`, value: each(spent.main), unit: "us", atMost: goal },
			{ goal: "P8", what: `${at}: all threads, an event`, value: each(spent.all), unit: "us", atMost: goal },
			info("P8", `${at}: of which what writes history`, each(threads("WorkerThread")), "us"),
			info("P8", `${at}: of which collecting garbage and compiling`, each(threads("V8Worker")), "us"),
		];
	});
}

/** The duration is fixed, whether or not the machine reaches the rate. */
async function connects(loop: Loop, seconds: number): Promise<void> {
	for (const end = performance.now() + seconds * 1000; performance.now() < end; )
		await loop.run("connect", CONNECTIONS / 5);
}

interface Accounted {
	readonly made: number;
	readonly received: number;
	readonly lost: number;
	/** Difference between the kernel's event count and the sum of delivered and lost events. */
	readonly unaccounted: number;
	readonly seconds: number;
	readonly spent: Spent;
}

/** Counts connections and their ends. `work` returns the number of connections. */
async function accounted(daemon: Daemon, work: () => Promise<number>): Promise<Accounted> {
	const before = await settled(daemon);
	let made = 0;
	const spent = await spentDuring(daemon.pid ?? 0, async () => {
		made = await work();
	});
	const after = await settled(daemon);
	const sum = (what: "written" | "lost" | "received") =>
		grown(before, after, what, "connect") + grown(before, after, what, "end");
	const decided = after.decided - before.decided;
	const connects = grown(before, after, "received", "connect") + grown(before, after, "lost", "connect");
	const unaccounted = Math.abs(decided - connects) + Math.abs(sum("written") - sum("received"));
	return { made, received: sum("received"), lost: sum("lost"), unaccounted, seconds: spent.seconds, spent };
}
