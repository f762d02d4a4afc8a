/** Crafted QUIC packets: ClientHellos in all forms, and the packets allowed before and after them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { policy } from "../support/policies.ts";
import {
	clientKeys,
	crypto,
	DCID,
	type Initial,
	initial,
	longHeader,
	PING,
	pad,
	QUIC2,
	shortHeader,
} from "../support/quic-packets.ts";
import { SLOW } from "../support/run.ts";
import { PORTS, parse, Stage } from "../support/stage.ts";
import { clientHello, POST_QUANTUM_KEY_SHARE, serverName, VERSIONS } from "../support/tls-hello.ts";

const OPEN = { name: "open", phases: ["connect"], to: { cidr: "198.19.20.0/24", ports: PORTS.udp } } as const;
const GOOD = { name: "good", to: { domain: "**.good.test", ports: PORTS.udp } };
const SNI = { name_binding: "sni" };
const OTHER = Buffer.from("a1a2a3a4a5a6a7a8", "hex");

let stage: Stage;
let next = 1;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: [OPEN, GOOD], more: SNI }));
}, 180_000 * SLOW);
afterAll(() => stage?.close());

const message = (name: string, large = false) =>
	clientHello([VERSIONS, ...(large ? [POST_QUANTUM_KEY_SHARE] : []), serverName(name)]);
const GOOD_HELLO = message("www.good.test");
const BAD_HELLO = message("www.bad.test");

const whole = (hello: Buffer, more: Partial<Initial> = {}) => initial({ frames: crypto(0, hello), ...more });

function pieces(hello: Buffer, at: number, more: Partial<Initial> = {}): [Buffer, Buffer] {
	return [
		initial({ frames: crypto(0, hello.subarray(0, at)), ...more }),
		initial({ frames: crypto(at, hello.subarray(at)), number: 1, ...more }),
	];
}

type Item = Buffer | string;

/** Sends from a new socket to a new address. Returns the number of bytes that arrived. */
async function send(items: readonly Item[], { how = "send", network = "198.19.20" } = {}) {
	const address = `${network}.${next++}`;
	await stage.world.server.clear();
	const hex = items.map((item) => (typeof item === "string" ? item : item.toString("hex")));
	const argv = [stage.world.client("datagrams"), how, address, String(PORTS.udp), ...hex];
	const { sent } = parse<{ sent: number[] }>((await stage.world.run(argv)).stdout);
	await new Promise((resolve) => setTimeout(resolve, 50));
	return { address, sent, bytes: await stage.bytesAt({ port: PORTS.udp }) };
}

const sizes = (...items: Buffer[]) => items.reduce((sum, { length }) => sum + length, 0);

test("a complete hello: an allowed name passes; a denied one and the data after it do not", async () => {
	const good = await send([whole(GOOD_HELLO), shortHeader(100)]);
	expect(good.bytes).toBe(1300);
	expect(await stage.record({ address: good.address, name: "www.good.test", verdict: "allow" })).toBeDefined();
	for (const how of ["send", "sendto"]) {
		const bad = await send([whole(BAD_HELLO), shortHeader(100), whole(GOOD_HELLO, { dcid: OTHER })], { how });
		expect(bad.bytes).toBe(0);
		expect(bad.sent.every((errno) => errno !== 0)).toBe(true);
		expect(
			await stage.record({
				address: bad.address,
				name: "www.bad.test",
				verdict: "deny",
				phase: "tls",
				protocol: "udp",
			}),
		).toBeDefined();
	}
});

test("a hello in two datagrams: the datagram that completes a denied name does not pass", async () => {
	const at = BAD_HELLO.indexOf("bad.test") + 2;
	const bad = pieces(BAD_HELLO, at);
	expect((await send([...bad, shortHeader(100)])).bytes).toBe(bad[0].length);
	const reversed = [bad[1], bad[0]];
	expect((await send(reversed)).bytes).toBe(bad[1].length);
	const large = message("www.good.test", true);
	const good = pieces(large, 1100);
	expect((await send([...good, shortHeader(100)])).bytes).toBe(sizes(...good) + 100);
	expect((await send([good[1], good[0], shortHeader(100)])).bytes).toBe(sizes(...good) + 100);
});

test("only Initials pass while a hello is incomplete", async () => {
	const [first] = pieces(GOOD_HELLO, 90);
	const handshakePacket = longHeader(1, 0xe0, Buffer.concat([Buffer.from([0x40, 60]), Buffer.alloc(60, 7)]));
	const early = longHeader(1, 0xd0, Buffer.concat([Buffer.from([0x40, 60]), Buffer.alloc(60, 7)]));
	expect((await send([first, shortHeader(100), handshakePacket, early])).bytes).toBe(first.length);
});

test("CRYPTO frames out of order, overlapping, among padding and PING, in coalesced packets", async () => {
	const shuffled = (hello: Buffer) =>
		Buffer.concat([
			pad(20),
			crypto(60, hello.subarray(60)),
			PING,
			crypto(30, hello.subarray(30, 80)),
			pad(3),
			crypto(0, hello.subarray(0, 40)),
		]);
	const coalesced = (hello: Buffer) =>
		Buffer.concat([
			initial({ frames: crypto(80, hello.subarray(80)), size: 300 }),
			initial({ frames: crypto(0, hello.subarray(0, 80)), number: 1, size: 900, token: Buffer.alloc(70, 9) }),
		]);
	for (const shape of [(hello: Buffer) => initial({ frames: shuffled(hello) }), coalesced]) {
		expect((await send([shape(GOOD_HELLO)])).bytes).toBe(shape(GOOD_HELLO).length);
		expect((await send([shape(BAD_HELLO)])).bytes).toBe(0);
	}
});

test("version 2, packet numbers of each length, a GSO send of two datagrams", async () => {
	expect((await send([whole(GOOD_HELLO, { version: QUIC2 })])).bytes).toBe(1200);
	expect((await send([whole(BAD_HELLO, { version: QUIC2 })])).bytes).toBe(0);
	for (const numberLength of [1, 2, 3, 4]) {
		expect((await send([whole(GOOD_HELLO, { number: 77, numberLength })])).bytes).toBe(1200);
		expect((await send([whole(BAD_HELLO, { number: 77, numberLength })])).bytes).toBe(0);
	}
	const two = (one: Buffer, other: Buffer) => `1200:${Buffer.concat([one, other]).toString("hex")}`;
	const other = { dcid: OTHER };
	expect((await send([two(whole(GOOD_HELLO), whole(GOOD_HELLO, other))])).bytes).toBe(2400);
	expect((await send([two(whole(GOOD_HELLO), whole(BAD_HELLO, other))])).bytes).toBe(0);
	const short = shortHeader(1200);
	expect((await send([whole(GOOD_HELLO), two(short, whole(BAD_HELLO, other))])).bytes).toBe(1200);
});

test("each hello of a socket is judged, not only the first", async () => {
	const second = await send([whole(GOOD_HELLO), whole(BAD_HELLO, { dcid: OTHER }), shortHeader(50)]);
	expect(second.bytes).toBe(1200);
	const many = Array.from({ length: 40 }, (_, index) => whole(GOOD_HELLO, { dcid: Buffer.alloc(8, index + 1) }));
	expect((await send(many)).bytes).toBe(40 * 1200);
	/* After HelloRetryRequest a second ClientHello follows in the same stream. */
	const again = (hello: Buffer) => initial({ frames: crypto(GOOD_HELLO.length, hello), number: 1 });
	expect((await send([whole(GOOD_HELLO), again(GOOD_HELLO)])).bytes).toBe(2400);
	expect((await send([whole(GOOD_HELLO), again(BAD_HELLO)])).bytes).toBe(1200);
});

test("CRYPTO data that contradict what was sent before deny the flow, before and after the verdict", async () => {
	const [first] = pieces(GOOD_HELLO, 90);
	const rest = BAD_HELLO.subarray(60);
	const half = await send([first, initial({ frames: crypto(60, rest), number: 1 })]);
	expect(half.bytes).toBe(first.length);
	expect(await stage.record({ address: half.address, verdict: "deny", reason: "unreadable" })).toBeDefined();
	const after = await send([
		whole(GOOD_HELLO),
		whole(GOOD_HELLO, { number: 1 }),
		whole(BAD_HELLO, { number: 2 }),
		shortHeader(9),
	]);
	expect(after.bytes).toBe(2400);
});

test("a packet with an invalid tag is not an Initial", async () => {
	const wrong = Buffer.from(whole(GOOD_HELLO));
	wrong[1199] = (wrong[1199] ?? 0) ^ 1;
	const outcome = await send([wrong, shortHeader(100)]);
	expect(outcome.bytes).toBe(0);
	expect(await stage.record({ address: outcome.address, verdict: "deny", reason: "unreadable" })).toBeDefined();
	/* An allowed flow loses only this datagram. */
	expect((await send([whole(GOOD_HELLO), wrong, shortHeader(100)])).bytes).toBe(1300);
});

test("later Initials have the server's connection id and the keys of the first one", async () => {
	const keys = clientKeys(1, DCID);
	const later = initial({ frames: PING, dcid: OTHER, number: 2, keys });
	expect((await send([whole(GOOD_HELLO), later])).bytes).toBe(2400);
	/* Typical contents: an acknowledgement of one packet; of three ranges with ECN; a connection error. */
	for (const said of ["0200000000", "0341f404024000010203040500400101", "1c0a0003616263"]) {
		const frames = Buffer.concat([Buffer.from(said, "hex"), pad(40), PING]);
		const acknowledges = initial({ frames, dcid: OTHER, number: 1, numberLength: 1, keys });
		expect((await send([whole(GOOD_HELLO), acknowledges])).bytes, said).toBe(2400);
	}
	expect((await send([later])).bytes).toBe(0);
	const [first, second] = pieces(BAD_HELLO, 90);
	const moved = initial({ frames: crypto(90, BAD_HELLO.subarray(90)), dcid: OTHER, number: 1, keys });
	expect(second.length).toBe(moved.length);
	expect((await send([first, moved])).bytes).toBe(first.length);
	/* RFC 9368: the server chose version 2. */
	const v2 = initial({ frames: PING, version: QUIC2, dcid: OTHER, number: 2, keys: clientKeys(QUIC2, DCID) });
	expect((await send([whole(GOOD_HELLO), v2])).bytes).toBe(2400);
	/* After a Retry: a new id, new keys, a token, the same hello. */
	const retried = (hello: Buffer) => whole(hello, { dcid: OTHER, number: 1, token: Buffer.alloc(40, 5) });
	expect((await send([whole(GOOD_HELLO), retried(GOOD_HELLO)])).bytes).toBe(2400);
	expect((await send([whole(GOOD_HELLO), retried(BAD_HELLO)])).bytes).toBe(1200);
});

test("an unsupported version counts as a hello without a name", async () => {
	for (const version of [0x0a1a2a3a, 0, 0x51303530]) {
		const outcome = await send([longHeader(version, 0xc0, Buffer.alloc(1185, 3)), shortHeader(100)]);
		expect(outcome.bytes).toBe(0);
		expect(await stage.record({ address: outcome.address, verdict: "deny", reason: "quic_unread" })).toBeDefined();
	}
});

test("too many incomplete hellos, or one for too long", { timeout: 30_000 * SLOW }, async () => {
	const half = (index: number) => pieces(GOOD_HELLO, 90, { dcid: Buffer.alloc(8, index) })[0];
	const five = await send([1, 2, 3, 4, 5].map(half));
	expect(five.bytes).toBe(4800);
	expect(await stage.record({ address: five.address, verdict: "deny", reason: "incomplete" })).toBeDefined();
	const again = Array.from({ length: 30 }, () => half(1));
	expect((await send(again)).bytes).toBe(16 * 1200);
	const late = await send([...pieces(GOOD_HELLO, 90).slice(0, 1), "+10500", pieces(GOOD_HELLO, 90)[1]]);
	expect(late.bytes).toBe(1200);
	expect(await stage.record({ address: late.address, verdict: "deny", reason: "incomplete" })).toBeDefined();
});

test("name_binding sni: a flow allowed only by name must begin with QUIC that has the name", async () => {
	const there = { network: "198.19.21" };
	expect((await send([whole(GOOD_HELLO), shortHeader(100)], there)).bytes).toBe(1300);
	expect((await send([whole(GOOD_HELLO), shortHeader(100)], { ...there, how: "sendto" })).bytes).toBe(1300);
	for (const how of ["send", "sendto"]) {
		for (const first of [shortHeader(100), Buffer.from("hello")]) {
			const outcome = await send([first, whole(GOOD_HELLO)], { ...there, how });
			expect(outcome.bytes).toBe(0);
			expect(await stage.record({ address: outcome.address, verdict: "deny", reason: "not_tls" })).toBeDefined();
		}
		expect((await send([whole(BAD_HELLO)], { ...there, how })).bytes).toBe(0);
	}
});

test("mode observe records and blocks nothing", async () => {
	await stage.daemon.put(policy({ rules: [OPEN, GOOD], more: SNI, mode: "observe" }));
	const bad = await send([whole(BAD_HELLO), shortHeader(100)]);
	expect(bad.bytes).toBe(1300);
	expect(
		await stage.record({ address: bad.address, name: "www.bad.test", verdict: "would_deny", phase: "tls" }),
	).toBeDefined();
	const [first] = pieces(GOOD_HELLO, 90);
	expect((await send([first, shortHeader(100)])).bytes).toBe(1300);
	await stage.daemon.put(policy({ rules: [OPEN, GOOD], more: SNI }));
});

test("a new policy judges an open flow by all of its names", async () => {
	const rules = [OPEN, GOOD, { name: "fine", to: { domain: "**.fine.test", ports: PORTS.udp } }];
	await stage.daemon.put(policy({ rules, more: SNI }));
	const fine = whole(message("www.fine.test"), { dcid: OTHER });
	const later = ["+3000", shortHeader(100)];
	for (const [items, bytes] of [
		[[whole(GOOD_HELLO)], 1300],
		[[whole(GOOD_HELLO), fine, whole(GOOD_HELLO)], 3600],
	] as const) {
		const sent = send([...items, ...later]);
		await new Promise((resolve) => setTimeout(resolve, 700));
		await stage.daemon.put(policy({ rules: [OPEN, GOOD], more: SNI }));
		expect((await sent).bytes).toBe(bytes);
		await stage.daemon.put(policy({ rules, more: SNI }));
	}
});
