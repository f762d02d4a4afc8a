/** The counters in /metrics equal the number of connections made. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { decisions, metrics } from "../support/api.ts";
import { policy } from "../support/policies.ts";
import { PORTS, parse, Stage } from "../support/stage.ts";

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(
		policy({
			rules: [
				{ name: "five", to: { cidr: "198.19.5.0/24", ports: PORTS.echo } },
				{ name: "six", action: "deny", to: { cidr: "198.19.6.0/24" } },
				{ name: "generated", to: { domain: "*.gen.test", ports: PORTS.sink } },
			],
		}),
	);
});
afterAll(() => stage?.close());

test("connections and denials are counted exactly, by phase, verdict and rule, however many the ring loses", async () => {
	const before = await decisions(stage.daemon);
	const storm = (address: string, count: number, port: number) =>
		stage.world
			.run([stage.world.client("storm"), address, String(count), String(port)])
			.then((outcome) => parse<Record<string, { ok: number; denied: number }>>(outcome.stdout)[port]);
	expect(await storm("198.19.5.1", 3000, PORTS.echo)).toMatchObject({ ok: 3000, denied: 0 });
	expect(await storm("198.19.6.1", 2000, PORTS.echo)).toMatchObject({ ok: 0, denied: 2000 });
	expect(await storm("198.19.7.1", 1000, PORTS.echo)).toMatchObject({ ok: 0, denied: 1000 });
	const argv = [stage.world.client("dnsconnect"), "query", "4", DNS4, "a", "0", "500", String(PORTS.sink)];
	expect(parse((await stage.world.run(argv)).stdout)).toMatchObject({ ok: 500 });
	const after = await decisions(stage.daemon);
	const grown = (key: string) => (after.get(key) ?? 0) - (before.get(key) ?? 0);
	expect(grown("connect allow rule five")).toBe(3000);
	expect(grown("connect deny rule six")).toBe(2000);
	expect(grown("connect deny default")).toBe(1000);
	expect(grown("connect allow rule generated")).toBe(500);
	expect(grown("dns allow default") + grown("dns allow rule generated")).toBe(500);
});

test("every event that the kernel wrote has arrived, by type, and none was lost", async () => {
	const byType = async (name: string) =>
		Object.fromEntries(
			(await metrics(stage.daemon)).filter((each) => each.name === name).map((each) => [each.labels.type, each.value]),
		);
	await expect
		.poll(async () => byType("sallyport_events_received_total"))
		.toEqual(await byType("sallyport_events_total"));
	expect((await byType("sallyport_events_total")).connect).toBe(6_500);
	expect(Object.values(await byType("sallyport_events_lost_total")).every((lost) => lost === 0)).toBe(true);
});
