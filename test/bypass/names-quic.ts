/** N14 and N15: names in QUIC Initials (RFC 9000, 9001, 9369), parsed in the kernel. */
import { crypto, DRAFT29, initial, longHeader, PING, pad, QUIC1, QUIC2, shortHeader } from "../support/quic-packets.ts";
import { PORTS } from "../support/stage.ts";
import { clientHello, serverName } from "../support/tls-hello.ts";
import type { Fixture } from "./fixture.ts";
import { common } from "./hellos.ts";
import { byName } from "./policies.ts";
import type { Attempt, Row } from "./row.ts";
import { measure } from "./runner.ts";
import { attemptAt } from "./sockets.ts";
import type { Target } from "./target.ts";

const hex = (bytes: Buffer) => bytes.toString("hex");
const UNKNOWN = 0x1a2a3a4a;

/** A ClientHello for QUIC: no session id, transport parameters, ALPN. The name is last, so that a split can precede it. */
export function quicHello(name: string): Buffer {
	const alpn = { type: 16, data: Buffer.from("0003026833", "hex") };
	const parameters = { type: 57, data: Buffer.from("0f00", "hex") };
	return clientHello([...common(), alpn, parameters, serverName(name)], { sessionId: Buffer.alloc(0) });
}

/** One Initial per datagram. */
type Way = readonly [id: string, title: string, datagrams: (name: string) => readonly Buffer[]];

const middle = (message: Buffer, name: string) => message.indexOf(name) + (name.length >> 1);

export function halves(name: string): readonly [Buffer, Buffer] {
	const message = quicHello(name);
	const at = middle(message, name);
	return [crypto(0, message.subarray(0, at)), crypto(at, message.subarray(at))];
}

/** Splits the data into CRYPTO frames of `size` bytes, the last one first. */
function backwards(message: Buffer, size: number): Buffer {
	const frames: Buffer[] = [];
	for (let at = 0; at < message.length; at += size) frames.unshift(crypto(at, message.subarray(at, at + size)));
	return Buffer.concat(frames);
}

const dcid = (text: string) => Buffer.from(text, "hex");

const WAYS: readonly Way[] = [
	["N14a", "version 1, whole", (name) => [initial({ frames: crypto(0, quicHello(name)) })]],
	["N14b", "version 2, whole", (name) => [initial({ version: QUIC2, frames: crypto(0, quicHello(name)) })]],
	["N15f", "draft 29, whole", (name) => [initial({ version: DRAFT29, frames: crypto(0, quicHello(name)) })]],
	["N14c", "the name across two Initials", (name) => halves(name).map((frames, number) => initial({ frames, number }))],
	[
		"N14d",
		"the name across two Initials, version 2, the second one first",
		(name) => [...halves(name)].reverse().map((frames, number) => initial({ version: QUIC2, frames, number })),
	],
	["N14e", "CRYPTO frames out of order", (name) => [initial({ frames: backwards(quicHello(name), 40) })]],
	["N14f", "CRYPTO frames of one byte, backwards", (name) => [initial({ frames: backwards(quicHello(name), 1) })]],
	[
		"N14g",
		"two Initials in one datagram",
		(name) => [Buffer.concat(halves(name).map((frames, number) => initial({ frames, number, size: number * 1000 })))],
	],
	[
		"N14h",
		"an Initial with a PING alone before it, in the same datagram",
		(name) => [
			Buffer.concat([initial({ frames: PING, size: 0 }), initial({ frames: crypto(0, quicHello(name)), number: 1 })]),
		],
	],
	[
		"N14i",
		"padding and PINGs first",
		(name) => [initial({ frames: Buffer.concat([pad(400), PING, crypto(0, quicHello(name))]) })],
	],
	[
		"N14j",
		"a token, a connection id of 20 bytes, a packet number of one byte",
		(name) => [
			initial({
				dcid: Buffer.alloc(20, 7),
				scid: Buffer.alloc(20, 8),
				token: Buffer.alloc(70, 9),
				numberLength: 1,
				number: 200,
				frames: crypto(0, quicHello(name)),
			}),
		],
	],
	[
		"N14k",
		"a packet of another type (0-RTT) before it, in the same datagram",
		(name) => [
			Buffer.concat([
				longHeader(QUIC1, 0xd0, Buffer.concat([Buffer.from([0x40, 40]), Buffer.alloc(40, 0x5a)])),
				initial({ frames: crypto(0, quicHello(name)) }),
			]),
		],
	],
];

function send(fixture: Fixture, address: string, datagrams: readonly Buffer[]) {
	const sends = datagrams.map((each) => `?send=${hex(each)}`);
	return fixture.script("udp4", [`connect=${address},${PORTS.tls}`, ...sends, "wait=50"]);
}

/** Sent to the address of the allowed name. The last datagram of each ClientHello must not arrive. */
async function stop(fixture: Fixture, { good }: Target, datagrams: readonly Buffer[], allowed = 0): Promise<Attempt> {
	const outcome = await send(fixture, good.v4, datagrams);
	const { bytes, recorded } = await measure(fixture, "stop", [{ address: good.v4 }]);
	const whole = datagrams.reduce((sum, each) => sum + each.length, 0);
	return { ...attemptAt([], outcome), measured: { bytes: bytes < whole ? 0 : bytes - allowed, recorded } };
}

const both: Row[] = WAYS.flatMap(([id, title, way]): Row[] => [
	{
		id,
		title: `QUIC, another name: ${title}`,
		kind: "stop",
		policy: byName,
		run: async (fixture, t) => {
			await fixture.ask(t.good.name);
			return stop(fixture, t, way(t.evil.name));
		},
	},
	{
		id: `${id}=`,
		title: `QUIC, the allowed name: ${title}`,
		kind: "pass",
		policy: byName,
		run: async (fixture, t) => {
			await fixture.ask(t.good.name);
			const datagrams = way(t.good.name);
			const outcome = await send(fixture, t.good.v4, datagrams);
			const { bytes } = await fixture.wire.at({ address: t.good.v4 });
			const whole = datagrams.reduce((sum, each) => sum + each.length, 0);
			return { ...attemptAt([{ address: t.good.v4 }], outcome), ok: bytes === whole };
		},
	},
]);

function only(
	id: string,
	title: string,
	build: (t: Target) => { before?: readonly Buffer[]; datagrams: readonly Buffer[] },
): Row {
	return {
		id,
		title,
		kind: "stop",
		policy: byName,
		run: async (fixture, t) => {
			await fixture.ask(t.good.name);
			const { before = [], datagrams } = build(t);
			const allowed = before.reduce((sum, each) => sum + each.length, 0);
			return stop(fixture, t, [...before, ...datagrams], allowed);
		},
	};
}

/**
 * Datagrams that do not begin a ClientHello, on a flow that is allowed only until its name is known. An address that DNS
 * resolved for the name may receive any datagram.
 */
function byNameOnly(id: string, title: string, datagram: Buffer): Row {
	return {
		id,
		title: `name_binding: sni: ${title}`,
		kind: "stop",
		policy: (t) => byName(t, [], { name_binding: "sni" }),
		run: async (fixture, { nameless }) =>
			attemptAt([{ address: nameless.v4 }], await send(fixture, nameless.v4, [datagram])),
	};
}

export const whole = (name: string, more: Partial<Parameters<typeof initial>[0]> = {}) =>
	initial({ frames: crypto(0, quicHello(name)), ...more });

const stops: Row[] = [
	only("N14l", "QUIC: a second connection on the socket, another name", ({ good, evil }) => ({
		before: [whole(good.name)],
		datagrams: [whole(evil.name, { dcid: dcid("0102030405060708") })],
	})),
	only(
		"N14m",
		"QUIC: the allowed name in a packet that no server accepts (wrong keys), then another",
		({ good, evil }) => ({
			before: [spoiled(whole(good.name))],
			datagrams: [whole(evil.name, { number: 1 })],
		}),
	),
	only("N14n", "QUIC: after a Retry, with the server's connection id and token", ({ good, evil }) => ({
		before: [whole(good.name)],
		datagrams: [whole(evil.name, { dcid: dcid("f00dfeedf00dfeed"), token: Buffer.alloc(60, 3) })],
	})),
	only("N14o", "QUIC: no server name", () => ({
		datagrams: [initial({ frames: crypto(0, clientHello(common(), { sessionId: Buffer.alloc(0) })) })],
	})),
	only("N14p", "QUIC: half a hello, and never the rest", ({ good }) => {
		const [first] = halves(good.name);
		return { datagrams: [initial({ frames: first }), shortHeader(200)] };
	}),
	{
		...only("N14q", "QUIC: both in one send (UDP_SEGMENT), the allowed name first", () => ({ datagrams: [] })),
		run: async (fixture, t) => {
			await fixture.ask(t.good.name);
			const pair = Buffer.concat([whole(t.good.name), whole(t.evil.name, { dcid: dcid("0102030405060708") })]);
			const steps = ["gso=1200", `connect=${t.good.v4},${PORTS.tls}`, `send=${hex(pair)}`];
			const outcome = await fixture.script("udp4", steps);
			const { bytes, recorded } = await measure(fixture, "stop", [{ address: t.good.v4 }]);
			return { ...attemptAt([], outcome), measured: { bytes: bytes < pair.length ? 0 : bytes, recorded } };
		},
	},
	only("N15a", "QUIC of an unknown version", ({ evil }) => ({
		datagrams: [
			longHeader(UNKNOWN, 0xc3, Buffer.concat([Buffer.alloc(100), quicHello(evil.name), Buffer.alloc(1000)])),
		],
	})),
	only("N15b", "QUIC draft-29", ({ evil }) => ({ datagrams: [whole(evil.name, { version: DRAFT29 })] })),
	byNameOnly(
		"N15c",
		"a version negotiation packet first",
		longHeader(0, 0xc0, Buffer.concat([Buffer.alloc(8), Buffer.from("0000000100000001", "hex"), Buffer.alloc(900)])),
	),
	byNameOnly("N15d", "a Retry packet first, sent by the client", longHeader(QUIC1, 0xf0, Buffer.alloc(1000, 0x5a))),
	byNameOnly("N15e", "a short header first", shortHeader(1200)),
];

/** The authentication tag is invalid. */
function spoiled(packet: Buffer): Buffer {
	packet[packet.length - 1] = (packet[packet.length - 1] ?? 0) ^ 1;
	return packet;
}

export const NAMES_QUIC: readonly Row[] = [...both, ...stops];
