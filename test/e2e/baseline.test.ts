/** Without attached programs every client gets through, so that denials in other tests come from the policy. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { DNS4, DNS6, SERVER4 } from "../support/addresses.ts";
import { leftovers } from "../support/leftovers.ts";
import { OpenConnection } from "../support/open-connection.ts";
import { policy } from "../support/policies.ts";
import { SLOW } from "../support/run.ts";
import { PORTS, parse, Stage } from "../support/stage.ts";
import { BAD4, BAD6, NAMELESS4, NAMELESS6 } from "../support/zones.ts";

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy(), { start: false });
});
afterAll(() => {
	stage?.close();
	expect(leftovers(true)).toEqual([]);
});

test("curl and Node over TLS, by name and by address", { timeout: 30_000 * SLOW }, async () => {
	for (const url of [
		"https://api.good.test/",
		"https://www.bad.test/",
		`https://www.good.test:${PORTS.oddTls}/`,
		"http://www.bad.test/",
	]) {
		expect(await stage.curl(url, ["-4"]), url).toMatchObject({ ok: true });
		expect(await stage.curl(url, ["-6"]), url).toMatchObject({ ok: true });
	}
	expect(await stage.node("www.bad.test", PORTS.tls)).toMatchObject({ ok: true });
	expect(await stage.node("www.good.test", PORTS.tls, NAMELESS4)).toMatchObject({ ok: true });
	expect(await stage.curl(`https://${NAMELESS4}/`, ["-k"])).toMatchObject({ ok: true });
});

test("TCP, UDP, ICMP and a raw protocol", async () => {
	const before = await stage.world.server.snmp();
	for (const address of [BAD4, BAD6, `::ffff:${BAD4}`])
		expect(await stage.probe(["tcp", address, PORTS.echo, "x"])).toMatchObject({ errno: "0" });
	for (const call of ["sendto", "sendmsg", "sendmmsg", "connected"])
		expect(await stage.probe(["udp", SERVER4, PORTS.udp, call])).toMatchObject({ errno: "0", reply: true });
	for (const args of [
		["icmp", BAD4],
		["icmp", NAMELESS6],
		["raw", BAD4, 253],
		["fastopen", BAD4, PORTS.echo, "x"],
	])
		expect(await stage.probe(args)).toMatchObject({ errno: "0" });
	const after = await stage.world.server.snmp();
	for (const counter of ["Icmp.InEchos", "Icmp6InEchos", "Ip.InUnknownProtos"])
		expect(after[counter], counter).toBe((before[counter] ?? 0) + 1);
});

test("crafted DNS queries, getaddrinfo, and thousands of connections", { timeout: 30_000 * SLOW }, async () => {
	for (const [how, family, resolver] of [
		["query", "4", DNS4],
		["query", "6", DNS6],
		["getaddrinfo", "4", DNS4],
		["getaddrinfo", "6", DNS4],
	] as const) {
		const argv = [stage.world.client("dnsconnect"), how, family, resolver, "a", "0", "200", String(PORTS.sink)];
		expect(parse((await stage.world.run(argv)).stdout)).toEqual({
			ok: 200,
			denied: 0,
			unresolved: 0,
			other: 0,
			first: "",
		});
	}
	const storm = await stage.world.run([
		stage.world.client("storm"),
		BAD4,
		"4000",
		String(PORTS.echo),
		String(PORTS.sink),
	]);
	expect(parse(storm.stdout)).toMatchObject({ [PORTS.echo]: { ok: 2000 }, [PORTS.sink]: { ok: 2000 } });
});

test("a connection kept open echoes and closes", async () => {
	const connection = new OpenConnection(stage.world, BAD4, PORTS.echo);
	connection.go();
	await connection.reached("echoed");
	connection.close();
	expect((await connection.reached("closed")).received).toBeGreaterThan(0);
});

test("a cgroup below the watched one, and its bytes in both directions", async () => {
	expect(
		await stage.probe(["exchange", BAD4, PORTS.give, 1_000_000], { below: "system.slice/agent.service" }),
	).toMatchObject({ errno: "0", sent: 1_000_000, received: 1_234_567 });
	stage.world.removeBelow("system.slice/agent.service");
});
