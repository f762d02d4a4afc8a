/** DNS queries that could hide a name: bypass rows N12 and N13. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { type Asked, labels, question, u16 } from "../support/dns-message.ts";
import { policy } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { WWW4, ZONE } from "../support/zones.ts";

const POLICY = policy({
	rules: [
		{ name: "no-question", action: "deny", phases: ["dns"], to: { domain: ["forbidden.test", "**.forbidden.test"] } },
		{ name: "good", to: { domain: "**.good.test", ports: PORTS.sink } },
	],
});

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(POLICY);
	await stage.world.server.zone(ZONE);
});
afterAll(() => stage?.close());
beforeEach(() => stage.world.server.clear());

const send = (message: Buffer, answers = 1, patience = 700) =>
	stage.dns({ via: "udp", server: DNS4, messages: [message.toString("hex")], answers, patience });
const arrived = async () => (await stage.world.server.snmp())["Udp.InDatagrams"] ?? 0;

/** True if the message arrives at the server. */
async function leaves(message: Buffer): Promise<boolean> {
	const before = await arrived();
	await send(message, 1, 500);
	return (await arrived()) > before;
}

const good: Asked = { name: "www.good.test" };
const bad: Asked = { name: "a.forbidden.test" };

test("each question of a message is judged, and one that is denied keeps the message from being sent", async () => {
	expect(await leaves(question(1, [good, { name: "www.bad.test" }])), "none is denied").toBe(true);
	expect(await leaves(question(2, [good, bad]))).toBe(false);
	expect(await leaves(question(3, [bad, good]))).toBe(false);
	expect(await leaves(question(4, [...Array<Asked>(7).fill(good), bad]))).toBe(false);
	expect(await stage.record({ kind: "dns", name: "www.bad.test", verdict: "allow" })).toBeDefined();
	expect(
		await stage.record({ kind: "dns", name: "a.forbidden.test", verdict: "deny", rule: "no-question" }),
	).toBeDefined();
});

test("nothing is learned from the answer to a message with several questions", async () => {
	const outcome = await stage.dns({
		...{ via: "udp", server: DNS4, messages: [question(9, [good, good]).toString("hex")], answers: 1 },
		connect: [[WWW4, PORTS.sink]],
	});
	expect(outcome.answers.length).toBe(1);
	expect(outcome.connects).toEqual(["EACCES"]);
});

test("a compressed name is read as the server reads it", async () => {
	/* Question 2: "b" and a pointer to "forbidden.test" inside question 1. */
	const first = { name: "a.forbidden.test" };
	const pointer = Buffer.concat([Buffer.from([1, 0x62]), u16(0xc000 | (12 + 2))]);
	const good2 = { name: "www.good.test" };
	expect(
		await leaves(question(1, [good2, { name: "", wire: Buffer.concat([Buffer.from([1, 0x62]), u16(0xc000 | 16)]) }])),
	).toBe(true);
	expect(await stage.record({ kind: "dns", name: "b.good.test", verdict: "allow" })).toBeDefined();
	expect(await leaves(question(2, [first, { name: "", wire: pointer }]))).toBe(false);
	expect(await stage.record({ kind: "dns", name: "b.forbidden.test", verdict: "deny" })).toBeDefined();
});

test("the default of phase dns applies to pointer loops, forward pointers and unterminated names", async () => {
	const broken = [
		question(1, [{ name: "", wire: u16(0xc00c) }]),
		question(2, [{ name: "", wire: Buffer.concat([Buffer.from([1, 0x61]), u16(0xc00c)]) }]),
		question(3, [good, { name: "", wire: u16(0xc000 | (12 + 19)) }]),
		question(4, [{ name: "", wire: u16(0xc000 | 20) }], { trailer: labels("x.forbidden.test") }),
		question(5, [{ name: "", wire: Buffer.from([0x40, 0x61, 0]) }]),
		question(6, [good]).subarray(0, 20),
		question(7, [{ name: Array(130).fill("a").join(".") }]),
	];
	await stage.daemon.put(POLICY.replace('"dns": "allow"', '"dns": "deny"'));
	for (const message of broken) expect(await leaves(message), message.toString("hex")).toBe(false);
	expect(await stage.record({ kind: "dns", verdict: "deny", reason: "unread", rule: "no-question" })).toBeDefined();
	await stage.daemon.put(POLICY);
});

test("queries with EDNS and of any type are recorded with their process", async () => {
	const outcome = await send(question(1, [{ name: "2.1.19.198.in-addr.arpa", type: "PTR" }], { edns: true }));
	expect(outcome.answers.length).toBe(1);
	expect(
		await stage.record({ kind: "dns", name: "2.1.19.198.in-addr.arpa", pid: outcome.pid, verdict: "allow" }),
	).toBeDefined();
	for (const type of ["TXT", "HTTPS", "SVCB", "ANY"] as const)
		await send(question(1, [{ name: `${type}.good.test`, type }]));
	const { connections } = await stage.daemon.get<{ connections: { name: string; query: { type: string } }[] }>(
		"/v1/connections?limit=1000",
	);
	const types = new Map(connections.map(({ name, query }) => [name, query?.type]));
	for (const type of ["txt", "https", "svcb", "any"]) expect(types.get(`${type}.good.test`)).toBe(type.toUpperCase());
	expect(types.get("2.1.19.198.in-addr.arpa")).toBe("PTR");
});

test("N13: data in labels, also with bytes invalid in host names, is denied by its domain and counted", async () => {
	const before = await stage.metric("sallyport_decisions_total", 'phase="dns",verdict="deny"');
	const data = [
		"deadbeef.cafe.x.forbidden.test",
		`${"A9_-".repeat(15)}.${"z".repeat(63)}.forbidden.test`,
		"\x00\x01\xfe\xff bytes.forbidden.test",
		"12345.forbidden.test",
	];
	for (const [i, name] of data.entries()) expect(await leaves(question(i, [{ name, type: "TXT" }])), name).toBe(false);
	/* A dot inside a label. */
	const dotted = Buffer.concat([Buffer.from([3]), Buffer.from("a.b"), labels("forbidden.test")]);
	expect(await leaves(question(9, [{ name: "", wire: dotted }]))).toBe(false);
	/* One label that only looks like the domain belongs to another: "x.forbidden" below "test". */
	const lookalike = Buffer.concat([Buffer.from([11]), Buffer.from("x.forbidden"), labels("test")]);
	expect(await leaves(question(10, [{ name: "", wire: lookalike }]))).toBe(true);
	expect(await stage.metric("sallyport_decisions_total", 'phase="dns",verdict="deny"')).toBe(before + data.length + 1);
	expect(
		await stage.record({ kind: "dns", name: "12345.forbidden.test", verdict: "deny", rule: "no-question" }),
	).toBeDefined();
});

test("N13: without a deny rule, data in labels is sent and recorded", async () => {
	expect(await leaves(question(1, [{ name: "0badf00d.tunnel.test", type: "TXT" }]))).toBe(true);
	expect(await stage.record({ kind: "dns", name: "0badf00d.tunnel.test", verdict: "allow" })).toBeDefined();
});
