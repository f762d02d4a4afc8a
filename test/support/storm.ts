/** Connections at the highest rate, and the daemon's counts of their events. */
import { metrics } from "./api.ts";
import type { Daemon } from "./daemon.ts";
import { until } from "./run.ts";
import { parse } from "./stage.ts";
import type { World } from "./world.ts";

/** A port without a listener: each connection fails immediately, so that the next can begin. */
export const CLOSED = 9;

/** Connects for this duration, in 20,000 at a time. Returns the number of connections. `below`: a cgroup below the watched one. */
export async function storm(world: World, to: string, port: number, seconds: number, below?: string): Promise<number> {
	const end = performance.now() + seconds * 1000;
	let count = 0;
	while (performance.now() < end) {
		const outcome = await world.run([world.client("storm"), to, "20000", String(port)], {
			...(below === undefined ? {} : { below }),
		});
		const tally = parse<Record<string, { ok: number; denied: number; other: number }>>(outcome.stdout)[port];
		count += (tally?.ok ?? 0) + (tally?.denied ?? 0) + (tally?.other ?? 0);
	}
	return count;
}

export interface Counts {
	/** Decisions of phase connect. */
	readonly decided: number;
	/** By event type. */
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

/** Waits until all written records are in the history. */
export function settled(daemon: Daemon): Promise<Counts> {
	return until("all events", 10_000, async () => {
		const now = await counts(daemon);
		return Object.entries(now.written).every(([type, value]) => value === now.received[type]) ? now : undefined;
	});
}

export function grown(before: Counts, after: Counts, what: "written" | "lost" | "received", type: string): number {
	return (after[what][type] ?? 0) - (before[what][type] ?? 0);
}
