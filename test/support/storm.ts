/** Connections as fast as they go, and what became of their events by the daemon's own counters. */
import { metrics } from "./api.ts";
import type { Daemon } from "./daemon.ts";
import { until } from "./run.ts";
import { parse } from "./stage.ts";
import type { World } from "./world.ts";

/** Nobody listens there: a connection is over at once, so that the next one can begin. */
export const CLOSED = 9;

/** Connections for so long; how many. */
export async function storm(world: World, to: string, port: number, seconds: number): Promise<number> {
	const end = performance.now() + seconds * 1000;
	let count = 0;
	while (performance.now() < end) {
		const outcome = await world.run([world.client("storm"), to, "20000", String(port)]);
		const tally = parse<Record<string, { ok: number; denied: number; other: number }>>(outcome.stdout)[port];
		count += (tally?.ok ?? 0) + (tally?.denied ?? 0) + (tally?.other ?? 0);
	}
	return count;
}

export interface Counts {
	/** Decisions of phase connect. */
	readonly decided: number;
	/** By type of event. */
	readonly written: Record<string, number>;
	readonly lost: Record<string, number>;
	readonly received: Record<string, number>;
}

export async function counts(daemon: Daemon): Promise<Counts> {
	const all = await metrics(daemon);
	const by = (name: string) =>
		Object.fromEntries(
			all.filter((each) => each.name === name).map(({ labels, value }) => [labels["type"] ?? "", value]),
		);
	const decided = all
		.filter(({ name, labels }) => name === "sallyport_decisions_total" && labels["phase"] === "connect")
		.reduce((sum, { value }) => sum + value, 0);
	return {
		decided,
		written: by("sallyport_events_total"),
		lost: by("sallyport_events_lost_total"),
		received: by("sallyport_events_received_total"),
	};
}

/** Once all that was written has arrived. */
export function settled(daemon: Daemon): Promise<Counts> {
	return until("all events", 10_000, async () => {
		const now = await counts(daemon);
		return Object.entries(now.written).every(([type, value]) => value === now.received[type]) ? now : undefined;
	});
}

export function grown(before: Counts, after: Counts, what: "written" | "lost" | "received", type: string): number {
	return (after[what][type] ?? 0) - (before[what][type] ?? 0);
}
