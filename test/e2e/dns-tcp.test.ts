/** DNS over TCP, split into segments of any size: bypass row N12. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DNS4, DNS6, ROGUE4 } from "../support/addresses.ts";
import { framed, question } from "../support/dns-message.ts";
import { nft } from "../support/nft.ts";
import { policy } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";
import type { Zone } from "../support/zone.ts";
import { ZONE } from "../support/zones.ts";

const POLICY = policy({
	rules: [
		{ name: "no-question", action: "deny", phases: ["dns"], to: { domain: "**.forbidden.test" } },
		{ name: "good", to: { domain: "**.good.test", ports: PORTS.sink } },
		{ name: "own-resolver", to: { cidr: `${ROGUE4}/32`, ports: 53 } },
	],
});
const at = (number: number) => `198.19.${20 + (number >> 8)}.${number & 255}`;
/** Twenty addresses per answer. */
const LOST = Array.from({ length: 5 }, (_, i) => Array.from({ length: 20 }, (_, j) => at(800 + 20 * i + j)));
/** Answers of 12 + 18 + 16 bytes a record. */
const NUMBERED: Zone = Object.fromEntries([
	...Array.from({ length: 12 }, (_, i) => [`n${i}.good.test`, [{ type: "A", data: at(i) }]]),
	["fifty.good.test", Array.from({ length: 50 }, (_, i) => ({ type: "A", data: at(100 + i) }))],
	...Array.from({ length: 5 }, (_, i) => [`lost${i}.good.test`, LOST[i]?.map((data) => ({ type: "A", data }))]),
	["large.good.test", Array.from({ length: 400 }, (_, i) => ({ type: "A", data: at(256 + i) }))],
]);

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(POLICY);
	await stage.world.server.zone({ ...ZONE, ...NUMBERED });
});
afterAll(() => stage?.close());
beforeEach(async () => {
	await stage.world.server.pieces({ piece: 0, pause: 0 });
	await stage.world.server.clear();
});

const ask = (id: number, name: string) => framed(question(id, [{ name }])).toString("hex");
const asked = async () => (await stage.world.server.asked()).map(({ name }) => name);

test.each([
	["whole", DNS4, 0, 0],
	["in pieces of one byte", DNS4, 1, 1],
	["in pieces of one byte, over IPv6", DNS6, 1, 1],
	["in two pieces, the first of which ends in the length", DNS4, 1_000, 0],
])("an answer %s is learned before the program can use it", async (_, server, piece, pause) => {
	await stage.world.server.pieces({ piece, pause });
	const number = piece === 1 ? (server === DNS6 ? 3 : 1) : piece === 0 ? 0 : 2;
	const outcome = await stage.dns({
		...{ via: "tcp", server, messages: [ask(1, `n${number}.good.test`)], answers: 1 },
		connect: [[at(number), PORTS.sink]],
	});
	expect(outcome).toMatchObject({ error: null, connects: ["ok"] });
	expect(
		await stage.record({
			kind: "dns",
			name: `n${number}.good.test`,
			protocol: "tcp",
			pid: outcome.pid,
			verdict: "allow",
		}),
	).toBeDefined();
});

test("queries are parsed in segments of one byte and several to a segment", async () => {
	const names = ["n4.good.test", "n5.good.test", "n6.good.test"];
	const messages = names.map((name, i) => ask(i + 1, name));
	const connect = [4, 5, 6].map((number) => [at(number), PORTS.sink] as const);
	const whole = await stage.dns({ via: "tcp", server: DNS4, messages, answers: 3, connect });
	expect(whole).toMatchObject({ error: null, connects: ["ok", "ok", "ok"] });
	for (const name of names) expect(await stage.record({ kind: "dns", name, pid: whole.pid })).toBeDefined();
	const bytewise = await stage.dns({ via: "tcp", server: DNS4, messages, answers: 3, connect, piece: 1, pause: 1 });
	expect(bytewise).toMatchObject({ error: null, connects: ["ok", "ok", "ok"] });
	for (const name of names) expect(await stage.record({ kind: "dns", name, pid: bytewise.pid })).toBeDefined();
});

test("all 50 addresses of a split answer are learned, and of a longer one as many as fit", async () => {
	await stage.world.server.pieces({ piece: 100, pause: 1 });
	const first = await stage.dns({
		...{ via: "tcp", server: DNS4, messages: [ask(1, "fifty.good.test")], answers: 1 },
		connect: Array.from({ length: 50 }, (_, i) => [at(100 + i), PORTS.sink] as const),
	});
	expect(first.connects).toEqual(Array(50).fill("ok"));
	const long = await stage.dns({
		...{ via: "tcp", server: DNS4, messages: [ask(1, "large.good.test")], answers: 1 },
		connect: [[at(256 + 200), PORTS.sink]],
	});
	expect(long.connects, "4 kB hold more than 200 addresses").toEqual(["ok"]);
	await stage.world.server.pieces({ piece: 0, pause: 0 });
	const whole = await stage.dns({
		...{ via: "tcp", server: DNS4, messages: [ask(1, "large.good.test")], answers: 1 },
		connect: [[at(256 + 399), PORTS.sink]],
	});
	expect(whole.connects, "an answer in one piece is read to its end").toEqual(["ok"]);
});

test("two answers in one segment are both learned, also when a segment ends inside the second", async () => {
	await stage.world.server.pieces({ piece: 0, pause: 0 });
	const messages = [ask(1, "n7.good.test"), ask(2, "n8.good.test")];
	const outcome = await stage.dns({
		...{ via: "tcp", server: DNS4, messages, answers: 2 },
		connect: [7, 8].map((number) => [at(number), PORTS.sink] as const),
	});
	expect(outcome.connects).toEqual(["ok", "ok"]);
});

/**
 * Drops the data segments to the client with the numbers in `lost`, and its acknowledgements with those in `lostAcks`. Both are
 * counted over all connections. Unacknowledged data is retransmitted together with lost data.
 */
function lose(lost: readonly number[], lostAcks: readonly number[]): () => void {
	const drop = (numbers: readonly number[]) => `numgen inc mod 10000 { ${numbers.join(", ")} } drop`;
	const rules = [
		"add chain ip sallyport_test in { type filter hook prerouting priority 0; }",
		`add rule ip sallyport_test in tcp sport 53 tcp flags & psh == psh ${drop(lost)}`,
		"add chain ip sallyport_test out { type filter hook output priority 0; }",
		...(lostAcks.length > 0 ? [`add rule ip sallyport_test out tcp dport 53 tcp flags == ack ${drop(lostAcks)}`] : []),
	];
	return nft(stage.world.network, "client", rules.join("; "));
}

test.each([
	["the one with the length", 0, [0], []],
	["the second", 1, [1], []],
	["one in the middle, in one with what is there already,", 2, [5], [3, 4, 5, 6, 7, 8, 9]],
	["two of them, one twice,", 3, [3, 6, 7], []],
	["the last but one", 4, [10], []],
])(
	"an answer whose segments come out of order is learned, byte for byte: %s comes late",
	async (_, number, lost, lostAcks) => {
		await stage.world.server.pieces({ piece: 30, pause: 2 });
		const addresses = LOST[number] ?? [];
		const before = (await stage.world.server.snmp())["Tcp.RetransSegs"] ?? 0;
		const undo = lose(lost, lostAcks);
		try {
			const outcome = await stage.dns({
				...{
					via: "tcp",
					server: DNS4,
					messages: [ask(1, `lost${number}.good.test`), ask(2, "n10.good.test")],
					answers: 2,
				},
				patience: 10_000,
				connect: addresses.map((address) => [address, PORTS.sink] as const),
			});
			expect(outcome.error).toBeNull();
			expect(outcome.connects).toEqual(addresses.map(() => "ok"));
		} finally {
			undo();
		}
		const again = ((await stage.world.server.snmp())["Tcp.RetransSegs"] ?? 0) - before;
		expect(again, "something was lost, and segments behind it came first").toBeGreaterThan(0);
	},
);

test.each([
	["whole", {}],
	["in segments of one byte", { piece: 1, pause: 1 }],
	["in pieces of 20 bytes", { piece: 20, pause: 5 }],
])("a denied question %s never arrives, and the connection ends", async (_, how) => {
	const messages = [ask(1, "n9.good.test"), ask(2, "x.forbidden.test")];
	const outcome = await stage.dns({ via: "tcp", server: DNS4, messages, answers: 2, patience: 4_000, ...how });
	expect(outcome.error).toMatch(/ECONN|EPIPE|closed|EPERM/);
	expect(await asked()).not.toContain("x.forbidden.test");
	expect(
		await stage.record({
			kind: "dns",
			name: "x.forbidden.test",
			pid: outcome.pid,
			verdict: "deny",
			rule: "no-question",
		}),
	).toBeDefined();
	expect(
		(await stage.records({ kind: "dns", name: "x.forbidden.test", pid: outcome.pid })).length,
		"what is sent again is not asked again",
	).toBe(1);
});

test("the same at a resolver that is not trusted", async () => {
	const outcome = await stage.dns({ via: "tcp", server: ROGUE4, messages: [ask(2, "y.forbidden.test")], answers: 1 });
	expect(outcome.error).toMatch(/ECONN|EPIPE|closed|EPERM/);
	expect(await asked()).toEqual([]);
});

test("data that is not DNS is not sent to port 53 of a trusted resolver", async () => {
	for (const text of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"]) {
		const outcome = await stage.dns({
			...{ via: "tcp", server: DNS4, messages: [Buffer.from(text).toString("hex")], answers: 1, patience: 3_000 },
		});
		expect(outcome.error, text).toMatch(/ECONN|EPIPE|closed|EPERM/);
	}
	expect(await stage.record({ kind: "dns", verdict: "deny", reason: "unread", rule: "no-question" })).toBeDefined();
});

test("libc repeats a truncated query over TCP, and the addresses of the answer are learned", async () => {
	const outcome = await stage.world.run([
		"sh",
		"-c",
		`getent ahostsv4 large.good.test | wc -l; exec bash -c 'exec 3<>/dev/tcp/${at(256 + 300)}/${PORTS.sink}'`,
	]);
	expect(outcome.stderr).toBe("");
	expect(outcome.code).toBe(0);
});
