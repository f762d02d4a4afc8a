/** The end of flows, and sockets that were opened before the daemon started. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { SERVER4 } from "../support/addresses.ts";
import { OpenConnection } from "../support/open-connection.ts";
import { policy } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";

const GOOD = "198.19.5.1";
const BAD = "198.19.6.1";
const POLICY = policy({ rules: [{ name: "five", to: { cidr: ["198.19.5.0/24", `${SERVER4}/32`] } }] });

let stage: Stage;
let old: { good: OpenConnection; bad: OpenConnection };
beforeAll(async () => {
	stage = await Stage.make(POLICY, { start: false });
	old = {
		good: new OpenConnection(stage.world, GOOD, PORTS.echo),
		bad: new OpenConnection(stage.world, BAD, PORTS.echo),
	};
	await Promise.all([old.good.reached("connected"), old.bad.reached("connected")]);
	await stage.daemon.start();
});
afterAll(() => stage?.close());

test("a socket connected before the daemon started is judged at its next packet, and a denial sends no data", async () => {
	old.bad.go();
	const broken = await old.bad.reached("broken");
	expect(broken.errno).not.toBe("0");
	expect(await stage.bytesAt({ at: BAD })).toBe(0);
	expect(await stage.record({ address: BAD, port: PORTS.echo, verdict: "deny", phase: "connect" })).toBeDefined();
});

test("a socket connected before the daemon started continues if the policy allows it", async () => {
	old.good.go();
	await old.good.reached("echoed");
	old.good.close();
	expect(await old.good.reached("closed")).toMatchObject({ state: "closed" });
	// no hook recorded a decision for this socket, and allowed packets repeat none; its end is still recorded
	expect(await stage.record({ address: GOOD, port: PORTS.echo, verdict: "allow", end: "local" })).toBeDefined();
});

test.each([
	["sink", PORTS.sink, 0],
	["give", PORTS.give, 1_234_567],
	["echo", PORTS.echo, 7_654_321],
] as const)("the end of a flow has its exact bytes (%s)", async (_, port, back) => {
	const outcome = await stage.probe(["exchange", GOOD, port, 7_654_321]);
	expect(outcome).toMatchObject({ errno: "0", sent: 7_654_321, received: back });
	const seen = await stage.record({ pid: outcome.pid, open: false });
	expect(seen).toMatchObject({ bytesOut: 7_654_321, bytesIn: back, port, verdict: "allow" });
	expect(["local", "remote"]).toContain(seen.end);
});

test("the cause of a connection's end: refused, closed locally", async () => {
	const refused = await stage.probe(["tcp", GOOD, 7999]);
	expect(refused.errno).toBe("ECONNREFUSED");
	expect(await stage.record({ pid: refused.pid, end: "refused" })).toBeDefined();
	const closed = await stage.probe(["tcp", GOOD, PORTS.sink, "abc"]);
	expect(await stage.record({ pid: closed.pid, end: "local" })).toMatchObject({ bytesOut: 3, bytesIn: 0 });
});

test("a denied connection has no bytes and is recorded as denied", async () => {
	const denied = await stage.probe(["tcp", BAD, PORTS.sink]);
	const seen = await stage.record({ pid: denied.pid });
	expect(seen).toMatchObject({ verdict: "deny" });
	expect(seen.bytesOut).toBe(0);
});

test("a UDP flow is one record", async () => {
	const sent = await stage.probe(["udp", SERVER4, PORTS.udp, "sendto", "ping"]);
	expect(sent).toMatchObject({ errno: "0", reply: true });
	expect(await stage.record({ pid: sent.pid })).toMatchObject({
		protocol: "udp",
		address: SERVER4,
		port: PORTS.udp,
		verdict: "allow",
		rule: "five",
	});
	expect((await stage.records({ pid: sent.pid })).length).toBe(1);
});
