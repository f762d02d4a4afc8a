/** Denials by address: the errno, both families, v4-mapped addresses, UDP, and protocols without connect(). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SERVER4, SERVER6 } from "../support/addresses.ts";
import { expectAtOnce } from "../support/at-once.ts";
import { policy, type TestRule } from "../support/policies.ts";
import { PORTS, type Probe, Stage } from "../support/stage.ts";

const GOOD4 = "198.19.5.1";
const GOOD6 = "2001:db8:a:5::1";
const BAD4 = "198.19.6.1";
const BAD6 = "2001:db8:a:6::1";
const RULES: TestRule[] = [
	{
		name: "five",
		to: {
			cidr: ["198.19.5.0/24", "2001:db8:a:5::/64", `${SERVER4}/32`, `${SERVER6}/128`],
			ports: [PORTS.echo, PORTS.udp],
		},
	},
];

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: RULES }));
});
afterAll(() => stage?.close());

describe.each([["EACCES"], ["ECONNREFUSED"], ["EHOSTUNREACH"]])("deny_errno %s", (errno) => {
	beforeAll(() => stage.daemon.put(policy({ rules: RULES, more: errno === "EACCES" ? {} : { deny_errno: errno } })));

	test.each([
		["IPv4", GOOD4, BAD4],
		["IPv6", GOOD6, BAD6],
		["v4-mapped IPv6", `::ffff:${GOOD4}`, `::ffff:${BAD4}`],
	])("connect() over %s", async (_, good, bad) => {
		const times: Record<"allowed" | "denied", number[]> = { allowed: [], denied: [] };
		let denied: Probe;
		do {
			const allowed = await stage.probe(["tcp", good, PORTS.echo]);
			denied = await stage.probe(["tcp", bad, PORTS.echo]);
			expect([allowed.errno, denied.errno]).toEqual(["0", errno]);
			times.allowed.push(allowed.us);
			times.denied.push(denied.us);
		} while (times.denied.length < 5);
		expectAtOnce(times.denied, times.allowed);
		const seen = await stage.record({ pid: denied.pid });
		expect(seen).toMatchObject({
			address: bad.replace("::ffff:", ""),
			port: PORTS.echo,
			protocol: "tcp",
			verdict: "deny",
			phase: "connect",
			rule: null,
		});
	});

	test.each(["sendto", "sendmsg", "sendmmsg"])("UDP %s()", async (call) => {
		for (const bad of [BAD4, BAD6, `::ffff:${BAD4}`]) {
			expect(await stage.probe(["udp", bad, PORTS.udp, call, `no ${call}`])).toMatchObject({ errno });
		}
		expect((await stage.arrivals({ port: PORTS.udp })).filter((each) => each.head.startsWith("no "))).toEqual([]);
	});
});

test("an allowed datagram arrives, and its reply reaches the client", async () => {
	for (const good of [SERVER4, SERVER6, `::ffff:${SERVER4}`]) {
		for (const call of ["sendto", "sendmsg", "sendmmsg", "connected"]) {
			expect(await stage.probe(["udp", good, PORTS.udp, call, "ping"]), `${call} ${good}`).toMatchObject({
				errno: "0",
				reply: true,
			});
		}
	}
});

test("connect() on UDP is allowed; the following datagram is denied", async () => {
	expect(await stage.probe(["udp", BAD4, PORTS.udp, "connect"])).toMatchObject({ errno: "0" });
	expect(await stage.probe(["udp", BAD6, PORTS.udp, "connect"])).toMatchObject({ errno: "0" });
	const sent = await stage.probe(["udp", BAD4, PORTS.udp, "connected", "no connected"]);
	expect(["EPERM", "EACCES"]).toContain(sent.errno);
	expect((await stage.arrivals({ port: PORTS.udp })).filter((each) => each.head.startsWith("no "))).toEqual([]);
});

test("a denied port of an allowed address fails", async () => {
	await stage.daemon.put(policy({ rules: RULES }));
	expect(await stage.probe(["tcp", GOOD4, PORTS.sink])).toMatchObject({ errno: "EACCES" });
});

test("TCP Fast Open does not bypass phase connect", async () => {
	expect((await stage.probe(["fastopen", BAD4, PORTS.echo, "early"])).errno).not.toBe("0");
	expect(await stage.bytesAt({ at: BAD4 })).toBe(0);
});

test("ICMP echo and raw protocols are denied and do not arrive", async () => {
	const before = await stage.world.server.snmp();
	for (const args of [
		["icmp", BAD4],
		["icmp", BAD6],
		["raw", BAD4, 253],
	]) {
		expect(["EPERM", "EACCES"], args.join(" ")).toContain((await stage.probe(args)).errno);
	}
	const after = await stage.world.server.snmp();
	for (const counter of ["Icmp.InEchos", "Icmp6InEchos", "Ip.InUnknownProtos"])
		expect(after[counter], counter).toBe(before[counter]);
	expect(await stage.record({ address: BAD4, protocol: "icmp", verdict: "deny", phase: "connect" })).toBeDefined();
});

test("ICMP echo and a raw protocol pass where a rule allows the address", async () => {
	await stage.daemon.put(
		policy({ rules: [{ name: "any-protocol", to: { cidr: ["198.19.5.0/24", "2001:db8:a:5::/64"] } }] }),
	);
	const before = await stage.world.server.snmp();
	for (const args of [
		["icmp", GOOD4],
		["icmp", GOOD6],
		["raw", GOOD4, 253],
	])
		expect(await stage.probe(args), args.join(" ")).toMatchObject({ errno: "0" });
	const after = await stage.world.server.snmp();
	for (const counter of ["Icmp.InEchos", "Icmp6InEchos", "Ip.InUnknownProtos"])
		expect(after[counter], counter).toBe((before[counter] ?? 0) + 1);
});
