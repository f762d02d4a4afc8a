/** The kernel keeps enforcing without the daemon. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { status } from "../support/api.ts";
import { OpenConnection } from "../support/open-connection.ts";
import { policy } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { NAMELESS4 } from "../support/zones.ts";

const GOOD = "198.19.5.1";
const POLICY = policy({
	rules: [
		{ name: "five", to: { cidr: "198.19.5.0/24", ports: PORTS.echo } },
		{ name: "good", to: { domain: "**.good.test", ports: PORTS.tls } },
		{ name: "unit", from: { unit: "late.service" }, to: { cidr: "198.19.7.0/24", ports: PORTS.echo } },
	],
});

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(POLICY);
});
afterAll(() => stage?.close());

test("the first start loads the programs and adopts none", async () => {
	expect((await status(stage.daemon)).adopted).toBe(false);
});

test("kill -9: denials and allowances stay in force while the daemon is down", async () => {
	stage.daemon.kill();
	for (let round = 0; round < 20; round++) {
		expect(await stage.probe(["tcp", NAMELESS4, PORTS.echo])).toMatchObject({ errno: "EACCES" });
		expect(await stage.probe(["tcp", GOOD, PORTS.echo, "hello"])).toMatchObject({ errno: "0" });
	}
	expect(await stage.bytesAt({ at: NAMELESS4 })).toBe(0);
	expect(await stage.curl("https://www.good.test/"), "names are learned in the kernel").toMatchObject({ ok: true });
	expect(await stage.curl("https://www.bad.test/")).toMatchObject({ ok: false });
});

test("a unit created while the daemon is down is recognised", async () => {
	expect(await stage.probe(["tcp", "198.19.7.1", PORTS.echo], { below: "late.service" })).toMatchObject({ errno: "0" });
	expect(await stage.probe(["tcp", "198.19.7.1", PORTS.echo], { below: "other.service" })).toMatchObject({
		errno: "EACCES",
	});
});

test("the next start adopts the pins and records again", async () => {
	await stage.daemon.start();
	expect((await status(stage.daemon)).adopted).toBe(true);
	const denied = await stage.probe(["tcp", NAMELESS4, PORTS.echo]);
	expect(denied).toMatchObject({ errno: "EACCES" });
	expect(await stage.record({ pid: denied.pid })).toMatchObject({ verdict: "deny", comm: "probe", address: NAMELESS4 });
	const late = await stage.probe(["tcp", "198.19.7.1", PORTS.echo], { below: "late.service" });
	expect(await stage.record({ pid: late.pid }), "a cgroup made while it was down has its name").toMatchObject({
		verdict: "allow",
		rule: "unit",
		unit: "late.service",
	});
});

test("a connection stays open over kill -9 and a restart", async () => {
	const connection = new OpenConnection(stage.world, GOOD, PORTS.echo);
	connection.go();
	await connection.reached("echoed");
	stage.daemon.kill();
	await stage.daemon.start();
	expect(connection.last).toBe("echoed");
	connection.close();
	expect(await connection.reached("closed")).toMatchObject({ state: "closed" });
});

test("kill -9 under load does not change any decision", async () => {
	const storm = stage.world.run([stage.world.client("storm"), GOOD, "8000", String(PORTS.echo), String(PORTS.sink)], {
		timeout: 60_000,
	});
	for (let round = 0; round < 2; round++) {
		stage.daemon.kill();
		await stage.daemon.start();
	}
	expect(JSON.parse((await storm).stdout)).toEqual({
		[PORTS.echo]: { ok: 4000, denied: 0, other: 0, first: "0" },
		[PORTS.sink]: { ok: 0, denied: 4000, other: 0, first: "0" },
	});
});

test("a stopped daemon leaves its pins enforcing", async () => {
	stage.daemon.stop();
	expect(await stage.probe(["tcp", NAMELESS4, PORTS.echo])).toMatchObject({ errno: "EACCES" });
	await stage.daemon.start();
});
