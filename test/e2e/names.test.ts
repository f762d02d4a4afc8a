/** curl and Node under a policy by name. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { expectAtOnce } from "../support/at-once.ts";
import { policy } from "../support/policies.ts";
import { type Curl, type NodeOutcome, PORTS, Stage } from "../support/stage.ts";
import { BAD4, BAD6, EDGE4, EDGE6, WWW4, WWW6 } from "../support/zones.ts";

/** connect allows port 443, so that phase tls decides by name. */
const BY_HELLO = policy({
	rules: [
		{ name: "no-question", action: "deny", phases: ["dns"], to: { domain: "*.forbidden.test" } },
		{ name: "good", to: { domain: "**.good.test", ports: [PORTS.tls, PORTS.oddTls] } },
		{ name: "open", phases: ["connect"], to: { ports: [PORTS.tls, PORTS.oddTls], protocol: "tcp" } },
	],
});

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(BY_HELLO);
	await stage.curl("https://www.good.test/"); // the first requests compile the servers' code, so that no later time limit includes it
});
afterAll(() => stage?.close());

describe.each([
	["IPv4", "-4", EDGE4, WWW4, BAD4],
	["IPv6", "-6", EDGE6, WWW6, BAD6],
])("over %s", (_, family, edge, www, bad) => {
	test("curl reaches an allowed name", async () => {
		expect(await stage.curl("https://www.good.test/", [family])).toMatchObject({ ok: true });
		expect(
			await stage.record({ address: www, name: "www.good.test", verdict: "allow", phase: "tls", rule: "good" }),
		).toBeDefined();
	});

	test("curl reaches an allowed name that is an alias of an alias", async () => {
		expect(await stage.curl("https://api.good.test/", [family])).toMatchObject({ ok: true });
		expect(await stage.record({ address: edge, name: "api.good.test", verdict: "allow", rule: "good" })).toBeDefined();
	});

	test("curl gets an immediate error for a denied name, and its hello is not sent", async () => {
		const allowed: Curl[] = [];
		const outcomes: Curl[] = [];
		for (let round = 0; round < 9; round++) {
			allowed.push(await stage.curl("https://www.good.test/", [family]));
			outcomes.push(await stage.curl("https://www.bad.test/", [family]));
		}
		expect(outcomes.filter(({ exit }) => exit === 0)).toEqual([]);
		expect(
			outcomes.filter(({ exit }) => exit === 28),
			"a timeout is no denial",
		).toEqual([]);
		const times = (each: readonly Curl[]) => each.map(({ total, lookup }) => (total - lookup) * 1_000);
		expectAtOnce(times(outcomes), times(allowed));
		expect(await stage.bytesAt({ at: bad })).toBe(0);
		expect(
			await stage.record({ address: bad, name: "www.bad.test", verdict: "deny", phase: "tls", rule: null }),
		).toBeDefined();
	});
});

test("Node reaches an allowed name", async () => {
	expect(await stage.node("www.good.test", PORTS.tls)).toMatchObject({ ok: true });
});

test("Node gets an immediate error for a denied name", async () => {
	const allowed: NodeOutcome[] = [];
	const outcomes: NodeOutcome[] = [];
	for (let round = 0; round < 5; round++) {
		allowed.push(await stage.node("www.good.test", PORTS.tls));
		outcomes.push(await stage.node("www.bad.test", PORTS.tls));
	}
	for (const outcome of outcomes) expect(outcome.error).toMatch(/ECONN|EPIPE|EPERM|EACCES/);
	const times = (each: readonly NodeOutcome[]) => each.map(({ msAfterConnect }) => msAfterConnect ?? Number.NaN);
	expectAtOnce(times(outcomes), times(allowed));
});

test("TLS is judged by its hello on any port", async () => {
	expect(await stage.curl(`https://www.good.test:${PORTS.oddTls}/`)).toMatchObject({ ok: true });
	const denied = await stage.curl(`https://www.bad.test:${PORTS.oddTls}/`);
	expect(denied.ok).toBe(false);
	expect(await stage.bytesAt({ port: PORTS.oddTls, at: BAD4 })).toBe(0);
	expect(await stage.bytesAt({ port: PORTS.oddTls, at: BAD6 })).toBe(0);
});

test("a name that phase dns denies does not resolve, and the query is not sent", async () => {
	const outcome = await stage.curl("https://x.forbidden.test/");
	expect(outcome).toMatchObject({ ok: false, exit: 6 });
	expect((await stage.world.server.asked()).filter((each) => each.name.includes("forbidden"))).toEqual([]);
	expect(
		await stage.record({ name: "x.forbidden.test", verdict: "deny", phase: "dns", rule: "no-question", address: DNS4 }),
	).toBeDefined();
});

test("with connect denied too, an allowed name still works and any other address fails at connect()", async () => {
	await stage.daemon.put(policy({ rules: [{ name: "good", to: { domain: "**.good.test", ports: PORTS.tls } }] }));
	expect(await stage.curl("https://www.good.test/")).toMatchObject({ ok: true });
	expect(await stage.node("www.good.test", PORTS.tls)).toMatchObject({ ok: true });
	expect(await stage.curl("https://www.bad.test/")).toMatchObject({ ok: false, exit: 7 });
	expect(await stage.node("www.bad.test", PORTS.tls)).toMatchObject({ ok: false, error: "EACCES" });
});
