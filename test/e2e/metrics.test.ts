/**
 * What the kernel counted is what was delivered and what was counted as lost, exactly, at the highest rate that loopback has:
 * for three seconds, or SALLYPORT_STORM_SECONDS of them (the goal is 30).
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decisions, metrics } from "../support/api.ts";
import { policy } from "../support/policies.ts";
import { until } from "../support/run.ts";
import { PORTS, parse, Stage } from "../support/stage.ts";

const SECONDS = Number(process.env["SALLYPORT_STORM_SECONDS"] ?? 3);

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(
		policy({
			rules: [
				{ name: "refused", to: { cidr: "198.19.5.0/24", ports: CLOSED } },
				{ name: "six", action: "deny", to: { cidr: "198.19.6.0/24" } },
			],
		}),
	);
}, 60_000);
afterAll(() => stage?.close());

/** Nobody listens there: a connection is over at once, so that the next one can begin. */
const CLOSED = 9;

/** Connections for so long; how many. */
async function storm(to: string, port: number, seconds: number): Promise<number> {
	const end = performance.now() + seconds * 1000;
	let count = 0;
	while (performance.now() < end) {
		const outcome = await stage.world.run([stage.world.client("storm"), to, "20000", String(port)]);
		const tally = parse<Record<string, { ok: number; denied: number; other: number }>>(outcome.stdout)[port];
		count += (tally?.ok ?? 0) + (tally?.denied ?? 0) + (tally?.other ?? 0);
	}
	return count;
}

interface Counts {
	readonly decided: number;
	readonly written: Record<string, number>;
	readonly lost: Record<string, number>;
	readonly received: Record<string, number>;
}

async function counts(): Promise<Counts> {
	const all = await metrics(stage.daemon);
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
function settled(): Promise<Counts> {
	return until("all events", 10_000, async () => {
		const now = await counts();
		return Object.entries(now.written).every(([type, value]) => value === now.received[type]) ? now : undefined;
	});
}

const grown = (before: Counts, after: Counts, what: "written" | "lost" | "received", type: string) =>
	(after[what][type] ?? 0) - (before[what][type] ?? 0);

test.each([
	["let through", "198.19.5.1", CLOSED],
	["denied", "198.19.6.1", PORTS.echo],
])(
	"connections that are %s: kernel count = delivered + counted as lost",
	{ timeout: 60_000 + SECONDS * 2_000 },
	async (what, to, port) => {
		const before = await settled();
		const began = performance.now();
		const count = await storm(to, port, SECONDS);
		const seconds = (performance.now() - began) / 1000;
		const after = await settled();
		const [received, lost] = [grown(before, after, "received", "connect"), grown(before, after, "lost", "connect")];
		note(
			`${what}: ${count} connections in ${seconds.toFixed(1)} s (${Math.round(count / seconds)}/s): ${received} delivered, ${lost} lost`,
		);
		expect(after.decided - before.decided).toBe(count);
		expect(received + lost).toBe(count);
		for (const type of Object.keys(after.written))
			expect(grown(before, after, "received", type), type).toBe(grown(before, after, "written", type));
	},
);

test("a daemon that stands still loses events, and not one without a count", { timeout: 60_000 }, async () => {
	const before = await settled();
	const pid = stage.daemon.pid ?? 0;
	process.kill(pid, "SIGSTOP");
	let count = 0;
	try {
		for (let round = 0; round < 4; round++) count += await storm("198.19.6.1", PORTS.echo, 0.001);
	} finally {
		process.kill(pid, "SIGCONT");
	}
	const after = await settled();
	const [received, lost] = [grown(before, after, "received", "connect"), grown(before, after, "lost", "connect")];
	note(`standing still: ${count} connections: ${received} delivered, ${lost} lost`);
	expect(after.decided - before.decided).toBe(count);
	expect(lost).toBeGreaterThan(0);
	expect(received + lost).toBe(count);
	const byRule = await decisions(stage.daemon);
	expect(byRule.get("connect deny rule six")).toBeGreaterThanOrEqual(count);
});

/** What was measured, for the note; a test's own output is not kept. */
function note(line: string): void {
	process.stderr.write(`  ${line}\n`);
	writeFileSync(join(stage.world.folder, "storm.txt"), `${line}\n`, { flag: "a" });
}
