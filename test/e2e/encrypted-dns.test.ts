/** Encrypted DNS (over TLS, QUIC and HTTPS) is recorded as such, and one rule denies it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DNS4, SERVER4, SERVER6 } from "../support/addresses.ts";
import { policy, type TestRule } from "../support/policies.ts";
import { must, until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { ZONE } from "../support/zones.ts";

const DOT_PORT = 853;
const COUNTS = "sallyport_encrypted_dns_connections_total";
/** A name and an address of the preset. In this test the server's namespace has the address. */
const DOH_NAME = "cloudflare-dns.com";
const DOH_ADDRESS = "1.1.1.1";
/** The test zone's address for the name, which is in no list. */
const ELSEWHERE = "198.19.30.1";

const open = (...rules: TestRule[]) => policy({ defaults: { connect: "allow", tls: "allow" }, rules });
const PRESET: TestRule = { name: "no-encrypted-dns", action: "deny", to: { preset: "encrypted-dns" } };
const RULE = { verdict: "deny", rule: PRESET.name } as const;

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(open());
	const { server, network } = stage.world;
	must("ip", "-n", network.server, "route", "add", "local", `${DOH_ADDRESS}/32`, "dev", "lo");
	await server.zone({ ...ZONE, [DOH_NAME]: [{ type: "A", data: ELSEWHERE }] });
	await server.listen("tls", DOT_PORT);
	await server.listen("udp", DOT_PORT);
	await server.listen("udp", PORTS.tls);
});
afterAll(() => stage?.close());

const count = (kind: string, verdict: string) => stage.metric(COUNTS, `kind="${kind}",verdict="${verdict}"`);

/** Connections are counted once they have ended or after a time. */
const counted = (kind: string, verdict: string, expected: number) =>
	until(`${expected} of ${kind}, ${verdict}`, 10_000, async () => (await count(kind, verdict)) === expected);

/**
 * For each protocol: the client's action, the data that arrived, and the record. Every DoH client has the address from another
 * source.
 */
const WAYS = [
	{
		what: "TLS to port 853",
		kind: "dot",
		go: () => stage.node("www.good.test", DOT_PORT, SERVER4),
		at: { at: SERVER4, port: DOT_PORT },
		seen: { address: SERVER4, port: DOT_PORT, protocol: "tcp" },
		denied: { phase: "connect" },
	},
	{
		what: "TLS to port 853 over IPv6",
		kind: "dot",
		go: () => stage.node("www.good.test", DOT_PORT, SERVER6),
		at: { at: SERVER6, port: DOT_PORT },
		seen: { address: SERVER6, port: DOT_PORT, protocol: "tcp" },
		denied: { phase: "connect" },
	},
	{
		what: "a datagram to port 853",
		kind: "doq",
		go: () => stage.probe(["udp", SERVER4, DOT_PORT, "sendto", "not read"]),
		at: { port: DOT_PORT, at: "" },
		seen: { address: SERVER4, port: DOT_PORT, protocol: "udp" },
		denied: { phase: "connect" },
	},
	{
		what: "a hello for a service's name",
		kind: "doh",
		go: () => stage.node(DOH_NAME, PORTS.tls, ELSEWHERE),
		at: { at: ELSEWHERE },
		seen: { address: ELSEWHERE, port: PORTS.tls, protocol: "tcp", name: DOH_NAME },
		denied: { phase: "tls" },
	},
	{
		what: "another name at a service's address",
		kind: "doh",
		go: () => stage.node("www.good.test", PORTS.tls, DOH_ADDRESS),
		at: { at: DOH_ADDRESS },
		seen: { address: DOH_ADDRESS, port: PORTS.tls, protocol: "tcp" },
		denied: { phase: "connect" },
	},
	{
		what: "a datagram to a service's port 443",
		kind: "doh",
		go: () => stage.probe(["udp", DOH_ADDRESS, PORTS.tls, "connected", "not read"]),
		at: { port: PORTS.tls, at: "" },
		seen: { address: DOH_ADDRESS, port: PORTS.tls, protocol: "udp" },
		denied: { phase: "connect" },
	},
] as const;

describe.each(WAYS)("$what", ({ kind, go, at, seen, denied }) => {
	test(`arrives and is marked ${kind} where no rule speaks of it`, async () => {
		await stage.daemon.put(open());
		await stage.world.server.clear();
		const before = await count(kind, "allow");
		await go();
		expect(await stage.bytesAt(at)).toBeGreaterThan(0);
		expect(await stage.record({ ...seen, encryptedDns: kind, verdict: "allow" })).toBeDefined();
		await counted(kind, "allow", before + 1);
	});

	test("is denied by the preset, and no data arrives", async () => {
		await stage.daemon.put(open(PRESET));
		await stage.world.server.clear();
		const before = await count(kind, "deny");
		await go();
		expect(await stage.record({ ...seen, ...denied, ...RULE, encryptedDns: kind })).toBeDefined();
		expect(await stage.bytesAt(at)).toBe(0);
		await counted(kind, "deny", before + 1);
	});
});

test("the name of a denied service is not queried, and other names are unaffected", async () => {
	await stage.daemon.put(open(PRESET));
	await stage.world.server.clear();
	expect(await stage.node(DOH_NAME, PORTS.tls)).toMatchObject({
		ok: false,
		error: expect.stringMatching(/EAI|ENOTFOUND/),
	});
	expect((await stage.world.server.asked()).map(({ name }) => name)).toEqual([]);
	expect(await stage.record({ kind: "dns", name: DOH_NAME, address: DNS4, phase: "dns", ...RULE })).toBeDefined();
	expect(await stage.node("www.good.test", PORTS.tls)).toMatchObject({ ok: true });
	expect(
		await stage.record({ kind: "connection", name: "www.good.test", encryptedDns: null, verdict: "allow" }),
	).toBeDefined();
});
