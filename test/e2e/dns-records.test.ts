/** Addresses learned from DNS answers: bypass rows N9, N10 and N11, and unusual records. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DNS4, DNS6, ROGUE4 } from "../support/addresses.ts";
import { type Asked, question } from "../support/dns-message.ts";
import { policy } from "../support/policies.ts";
import { sleep } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import type { Zone, ZoneRecord } from "../support/zone.ts";
import { BAD4, ZONE } from "../support/zones.ts";

const POLICY = policy({
	rules: [
		{ name: "good", to: { domain: "**.good.test", ports: PORTS.sink } },
		{ name: "own-resolver", to: { cidr: `${ROGUE4}/32`, ports: 53 } },
	],
});

/** 198.19.5.x */
const at = (last: number) => `198.19.5.${last}`;
const at6 = (last: number) => `2001:db8:a:5::${last.toString(16)}`;

const CHAIN: Zone = Object.fromEntries(
	Array.from({ length: 9 }, (_, hop): [string, readonly ZoneRecord[]] =>
		hop < 8
			? [hop === 0 ? "chain.good.test" : `c${hop}.far.example`, [{ type: "CNAME", data: `c${hop + 1}.far.example` }]]
			: ["c8.far.example", [{ type: "A", data: at(8), ttl: 0 }]],
	),
);
const MANY = Array.from({ length: 30 }, (_, i) => ({ type: "A" as const, data: at(30 + i) }));
const RECORDS: Zone = {
	...CHAIN,
	"many.good.test": MANY,
	"mixed.good.test": [{ type: "A", data: at(9) }],
	"cut.good.test": [...MANY, ...MANY].map(({ data }) => ({
		type: "A" as const,
		data: data.replace("198.19.5.", "198.19.6."),
	})),
	"service.good.test": [
		{
			type: "HTTPS",
			data: `1 . alpn=h2,h3 port=8443 ipv4hint=${at(10)},${at(11)} ipv6hint=${at6(10)},${at6(11)}`,
		},
	],
	"target.good.test": [{ type: "SVCB", data: `2 svc.elsewhere.example ipv4hint=${at(12)}` }],
	/* Priority 0 is an alias, which has no parameters (RFC 9460 2.4.2). */
	"alias.good.test": [{ type: "HTTPS", data: `0 other.example ipv4hint=${at(13)}` }],
	/* The length of the hint exceeds the record, so its addresses would be the bytes that follow in the packet. */
	"broken.good.test": [
		{ type: "HTTPS", data: "hex:0001000004000800" },
		{ type: "HTTPS", data: `hex:000100000400080a0b0c0d` },
		{ type: "HTTPS", data: `1 . ipv4hint=${at(14)}` },
	],
	/* No address is learned from an A record of 16 bytes. */
	"sizes.good.test": [
		{ type: "A", data: `hex:${"c6130f0f".repeat(4)}` },
		{ type: "A", data: at(15) },
	],
	"www.other.test": [{ type: "A", data: at(16) }],
	"local.good.test": [
		...["127.0.0.1", "127.9.9.9", "169.254.169.254", "0.0.0.0"].map((data) => ({ type: "A", data }) as const),
		{ type: "A", data: at(18) },
	],
	"local6.good.test": ["::1", "::", "fe80::1"].map((data) => ({ type: "AAAA", data }) as const),
	"_8443._https.port.good.test": [{ type: "HTTPS", data: `1 . ipv4hint=${at(17)}` }],
};

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(POLICY);
	await stage.world.server.zone({ ...ZONE, ...RECORDS });
});
afterAll(() => stage?.close());
beforeEach(() => stage.world.server.forge(null));

async function resolve(asked: Asked, addresses: readonly string[], server = DNS4, via: "udp" | "tcp" = "udp") {
	const message = question(0x1234, [asked], { edns: via === "udp" }).toString("hex");
	return stage.dns({
		via,
		server,
		messages: [message],
		answers: 1,
		connect: addresses.map((address) => [address, PORTS.sink]),
	});
}

test("N11: a chain of eight aliases whose last record has a TTL of 0", async () => {
	expect((await resolve({ name: "chain.good.test" }, [at(8)])).connects).toEqual(["ok"]);
	expect(await stage.record({ address: at(8), name: "chain.good.test", verdict: "allow", rule: "good" })).toBeDefined();
});

test("N11: all of the 30 addresses of an answer", async () => {
	const addresses = MANY.map(({ data }) => data);
	expect((await resolve({ name: "many.good.test" }, addresses)).connects).toEqual(addresses.map(() => "ok"));
});

test("N11: a query in mixed case, with the answer in the same case", async () => {
	const outcome = await resolve({ name: "MiXeD.gOOd.TEST" }, [at(9)]);
	expect(Buffer.from(outcome.answers[0] ?? "", "hex").toString("latin1")).toContain("MiXeD");
	expect(outcome.connects).toEqual(["ok"]);
});

test("nothing is learned from a truncated answer, which is counted", async () => {
	const before = await stage.metric("sallyport_dns_answers_total", 'result="truncated"');
	const message = question(7, [{ name: "cut.good.test" }]).toString("hex");
	const outcome = await stage.dns({
		via: "udp",
		server: DNS4,
		messages: [message],
		answers: 1,
		connect: [["198.19.6.30", PORTS.sink]],
	});
	expect(outcome.connects).toEqual(["EACCES"]);
	expect(await stage.metric("sallyport_dns_answers_total", 'result="truncated"')).toBe(before + 1);
});

test("the hints of a service record are addresses of the name in the question, IPv4 and IPv6", async () => {
	const hinted = [at(10), at(11), at6(10), at6(11)];
	expect((await resolve({ name: "service.good.test", type: "HTTPS" }, hinted)).connects).toEqual(
		hinted.map(() => "ok"),
	);
	expect(await stage.record({ name: "service.good.test", kind: "dns", verdict: "allow" })).toBeDefined();
	expect((await resolve({ name: "target.good.test", type: "SVCB" }, [at(12)])).connects).toEqual(["ok"]);
	expect((await resolve({ name: "_8443._https.port.good.test", type: "HTTPS" }, [at(17)])).connects).toEqual(["ok"]);
});

test("nothing is learned from an alias or from wrong lengths, and the next record is read", async () => {
	expect((await resolve({ name: "alias.good.test", type: "HTTPS" }, [at(13)])).connects).toEqual(["EACCES"]);
	expect((await resolve({ name: "broken.good.test", type: "HTTPS" }, [at(14), "10.11.12.13"])).connects).toEqual([
		"ok",
		"EACCES",
	]);
	expect((await resolve({ name: "sizes.good.test" }, [at(15), "198.19.15.15"])).connects).toEqual(["ok", "EACCES"]);
});

test("the addresses of a name that no rule allows are denied", async () => {
	expect((await resolve({ name: "www.other.test" }, [at(16)])).connects).toEqual(["EACCES"]);
});

test("N9: an answer with another id, for another name or on another socket is ignored", async () => {
	const message = question(0x4242, [{ name: "www.good.test" }]).toString("hex");
	const forged = async (forgery: { name: string | null; idOff: number; toPort: number | null }, address: string) => {
		await stage.world.server.forge({ ...forgery, address });
		const outcome = await stage.dns({
			...{ via: "udp", server: DNS4, messages: [message], answers: 2, port: 40_001, secondPort: 40_002 },
			connect: [[address, PORTS.sink]],
		});
		expect(outcome.answers.length, "the forgery did arrive").toBe(2);
		expect(await stage.bytesAt({ at: address })).toBe(0);
		return outcome.connects;
	};
	const unasked = await stage.metric("sallyport_dns_answers_total", 'result="unasked"');
	const mismatch = await stage.metric("sallyport_dns_answers_total", 'result="mismatch"');
	expect(await forged({ name: null, idOff: 1, toPort: null }, at(101))).toEqual(["EACCES"]);
	expect(await forged({ name: "api.good.test", idOff: 0, toPort: null }, at(102))).toEqual(["EACCES"]);
	expect(await forged({ name: null, idOff: 0, toPort: 40_002 }, at(103))).toEqual(["EACCES"]);
	expect(await stage.metric("sallyport_dns_answers_total", 'result="unasked"')).toBe(unasked + 2);
	expect(await stage.metric("sallyport_dns_answers_total", 'result="mismatch"')).toBe(mismatch + 1);
});

test("an address of this host or link is never learned, and the others of the answer are", async () => {
	const local = { name: "local.good.test" };
	const addresses = ["127.0.0.1", "127.9.9.9", "169.254.169.254", "0.0.0.0", at(18)];
	expect((await resolve(local, addresses)).connects).toEqual([...Array(4).fill("EACCES"), "ok"]);
	expect((await resolve({ name: "local6.good.test", type: "AAAA" }, ["::1", "::"])).connects).toEqual(
		Array(2).fill("EACCES"),
	);
});

test.each(["udp", "tcp"] as const)("N10: an allowed name from an untrusted resolver, over %s", async (via) => {
	const zone: Zone = { "evil.good.test": [{ type: "A", data: BAD4 }] };
	await stage.world.server.zone({ ...ZONE, ...RECORDS, ...zone });
	const message = question(5, [{ name: "evil.good.test" }]);
	const outcome = await stage.dns({
		...{ via, server: ROGUE4, answers: 1, connect: [[BAD4, PORTS.sink]] },
		messages: [(via === "udp" ? message : Buffer.concat([Buffer.from([0, message.length]), message])).toString("hex")],
	});
	expect(outcome).toMatchObject({ connects: ["EACCES"], error: null });
	expect(outcome.answers.length).toBe(1);
	expect(await stage.bytesAt({ at: BAD4 })).toBe(0);
	expect(await stage.metric("sallyport_dns_answers_total", 'result="untrusted"')).toBeGreaterThan(0);
});

test("each query to an untrusted resolver is a record, and the flow becomes a record only if it carries other data", async () => {
	const before = (await stage.records({ address: ROGUE4, protocol: "udp" })).length;
	const messages = ["one.good.test", "two.good.test"].map((name, id) => question(id, [{ name }]).toString("hex"));
	const outcome = await stage.dns({ via: "udp", server: ROGUE4, messages, answers: 2 });
	expect(outcome.answers.length).toBe(2);
	for (const name of ["one.good.test", "two.good.test"]) {
		const seen = await stage.record({ address: ROGUE4, kind: "dns", name, verdict: "allow", phase: "dns" });
		expect(seen.decisions).toEqual({ dns: "allow good rule", connect: "allow own-resolver rule" });
	}
	/* Longer than the time for which a query is remembered, and than two sweeps. */
	await sleep(11_000);
	expect(await stage.records({ address: ROGUE4, protocol: "udp", kind: "connection" })).toEqual([]);
	expect((await stage.records({ address: ROGUE4, protocol: "udp" })).length).toBe(before + 2);

	expect((await stage.probe(["udp", ROGUE4, 53, "sendto", "no question"])).errno).toBe("0");
	const other = await stage.record({ address: ROGUE4, protocol: "udp", kind: "connection" });
	expect(other).toMatchObject({ port: 53, verdict: "allow", rule: "own-resolver" });
}, 40_000);

test("the same over IPv6", async () => {
	expect((await resolve({ name: "mixed.good.test" }, [at(9)], DNS6)).connects).toEqual(["ok"]);
});
