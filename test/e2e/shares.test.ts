/** A unit that floods takes nothing of what other units have: their connections are in the history, and its own are counted. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { decisions, records } from "../support/api.ts";
import { policy } from "../support/policies.ts";
import { until } from "../support/run.ts";
import { PORTS, parse, Stage } from "../support/stage.ts";
import { counts, settled } from "../support/storm.ts";

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(
		policy({ rules: [{ name: "echo", to: { cidr: "198.19.5.0/24", ports: [PORTS.echo, PORTS.http] } }] }),
	);
});
afterAll(() => stage?.close());

/* [s] */
const FLOOD = 12;
const FLOODER = "system.slice/flooder.service";
const VICTIM = "system.slice/victim.service";

async function flood(ports: number): Promise<number> {
	const argv = [stage.world.client("denied"), "198.19.6.1", String(FLOOD), String(ports)];
	const outcome = await stage.world.run(argv, { below: FLOODER, timeout: FLOOD * 4_000 });
	const tally = parse<{ denied: number; other: number }>(outcome.stdout);
	expect(tally.other).toBe(0);
	return tally.denied;
}

test.each([
	["one destination", 1],
	["50,000 destinations", 50_000],
])(
	"denials of %s at the highest rate: every connection of another unit is in the history",
	async (_, ports) => {
		const before = await counts(stage.daemon);
		const known = (await records(stage.daemon, "&unit=victim.service")).length;
		let done = false;
		const flooding = flood(ports).finally(() => {
			done = true;
		});
		const pids: number[] = [];
		while (!done) pids.push((await stage.probe(["tcp", "198.19.5.1", PORTS.echo], { below: VICTIM })).pid);
		const denied = await flooding;
		const after = await settled(stage.daemon);
		await until("records in the file", 120_000, async () => {
			const { history } = await stage.daemon.get<{ history: { waiting: number } }>("/v1/status");
			return history.waiting === 0 || undefined;
		});
		expect(denied).toBeGreaterThan(20_000);
		expect(pids.length).toBeGreaterThan(5);
		const seen = await records(stage.daemon, "&unit=victim.service");
		const rows = new Set(seen.map(({ pid }) => pid));
		expect(pids.filter((pid) => !rows.has(pid)).length, `of ${pids.length}, among ${denied} denials`).toBe(0);
		expect(seen.length).toBe(known + pids.length);
		/* Each denial is decided, and is either in a record or counted as lost. */
		expect(after.decided - before.decided).toBe(denied + pids.length);
		const own = await records(stage.daemon, "&unit=flooder.service&verdict=deny");
		const counted = own.filter(({ port }) => (ports === 1) === (port === 1)).reduce((sum, { count }) => sum + count, 0);
		const lost = (after.lost["connect"] ?? 0) - (before.lost["connect"] ?? 0);
		const throttled = await stage.metric("sallyport_events_throttled_total");
		if (ports === 1) {
			expect(own.length).toBeLessThanOrEqual(8);
			expect(counted + lost).toBe(denied);
		}
		if (throttled > 0) {
			const { events } = await stage.daemon.get<{ events: { throttled: { source: string; events: number }[] } }>(
				"/v1/status",
			);
			expect(events.throttled).toEqual([{ source: "flooder.service", events: throttled }]);
		}
		expect([...(await decisions(stage.daemon)).keys()]).toContain("connect deny default");
	},
	300_000,
);
