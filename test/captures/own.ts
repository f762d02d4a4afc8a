/** Captures that the project makes itself: small, committed, and made again by `node test/captures/make.ts`. */
import { pcap, pcapng, type Recorded } from "../support/capture/files.ts";
import { ETHER, ethernet, IP, ip, tagged, u16, udp } from "../support/capture/packets.ts";
import { ENDS, type Ends, Talk } from "../support/capture/talk.ts";
import { encodeReply } from "../support/dns-encode.ts";
import { crypto, initial, PING, QUIC1, QUIC2, shortHeader } from "../support/quic-packets.ts";
import {
	clientHello,
	ECH,
	POST_QUANTUM_KEY_SHARE,
	padding,
	records,
	serverName,
	VERSIONS,
} from "../support/tls-hello.ts";

/** The folder of this file. */
export const OWN_CAPTURES = import.meta.dirname;

/** A file, and its row of manifest.jsonl in the corpus's format. */
export interface OwnCapture {
	readonly file: string;
	readonly bytes: Buffer;
	readonly row: object;
}

export function ownCaptures(): OwnCapture[] {
	return [split(), disordered(), afterCleartext(), withoutBeginning(), visit(), quic(), withoutName()];
}

const NAME = "api.model.example";

function split(): OwnCapture {
	const hello = records(clientHello([POST_QUANTUM_KEY_SHARE, VERSIONS, ECH, serverName(NAME), padding(200)]), 500);
	const talk = new Talk();
	const frames = [...talk.open(), ...pieces(hello, 300).map(([at, bytes]) => talk.say("client", at, bytes))];
	const bytes = pcap(recorded(frames), { bigEndian: true, nanoseconds: true });
	return capture("tls-split.pcap", bytes, [tls(ENDS, NAME, frames.length)]);
}

/** Backwards, each piece twice, the second time longer; over IPv6, on the second interface. */
function disordered(): OwnCapture {
	const ends: Ends = { client: "2001:db8::10", clientPort: 40_001, server: "2001:db8::20", serverPort: 8443 };
	const hello = records(clientHello([VERSIONS, serverName(NAME), padding(300)]));
	const talk = new Talk(ends);
	const backwards = pieces(hello, 90).toReversed();
	const twice = backwards.flatMap(([at, bytes]) => [
		talk.say("client", at, bytes),
		talk.say("client", at, hello.subarray(at, at + bytes.length + 20)),
	]);
	const frames = [...talk.open(), ...twice];
	const packets = recorded(frames).map((packet) => ({ ...packet, on: 1 }));
	const bytes = pcapng(packets, [{ linkType: 101 }, { linkType: 1, resolution: 9 }]);
	return capture("tls-disordered.pcapng", bytes, [tls(ends, NAME, frames.length - 1)]);
}

function afterCleartext(): OwnCapture {
	const ends = { ...ENDS, serverPort: 25 };
	const talk = new Talk(ends);
	const [ask, go] = [Buffer.from("EHLO me\r\nSTARTTLS\r\n"), Buffer.from("220 go ahead\r\n")];
	const hello = records(clientHello([VERSIONS, serverName(NAME)]));
	const frames = [
		...talk.open(),
		talk.say("client", 0, ask),
		talk.say("server", 0, go, ask.length),
		talk.say("client", ask.length, hello, go.length),
	];
	return capture("tls-after-cleartext.pcap", pcap(recorded(frames)), [tls(ends, NAME, frames.length)]);
}

/** A question, its answer, the hello to the address in it; and a request in cleartext to another one. */
function visit(): OwnCapture {
	const resolver = "192.0.2.53";
	const question = { name: NAME, type: "A" };
	const asked = Buffer.from("\x03api\x05model\x07example\0\0\x01\0\x01", "latin1");
	const answers = [{ name: NAME, type: "A", data: ENDS.server, ttl: 300 }] as const;
	const reply = encodeReply({ id: 7, flags: 0x0180, question, answers, edns: true });
	const datagram = (from: string, to: string, payload: Buffer) =>
		ethernet(ETHER.vlan, tagged(ETHER.ipv4, ip({ from, to, protocol: IP.udp }, payload)));
	const web = new Talk({ ...ENDS, clientPort: 40_002, server: "198.51.100.21", serverPort: 80 });
	const talk = new Talk();
	const frames = [
		datagram(ENDS.client, resolver, udp(5000, 53, Buffer.concat([u16(7, 0x0100, 1, 0, 0, 0), asked]))),
		datagram(resolver, ENDS.client, udp(53, 5000, reply)),
		...talk.open(),
		talk.say("client", 0, records(clientHello([VERSIONS, serverName(NAME)]))),
		...web.open(),
		web.say("client", 0, Buffer.from("GET /news?x=1 HTTP/1.1\r\nHost: www.news.example:80\r\n\r\n")),
	];
	const dns = { proto: "dns", transport: "udp", id: 7, q: [question] };
	const { client, clientPort, server, serverPort } = web.ends;
	return capture("visit.pcap", pcap(recorded(frames)), [
		{ ...dns, frame: 1, src: ENDS.client, sport: 5000, dst: resolver, dport: 53, qr: 0, an: [] },
		{ ...dns, frame: 2, src: resolver, sport: 53, dst: ENDS.client, dport: 5000, qr: 1, an: answers },
		tls(ENDS, NAME, 6),
		{
			...{ proto: "http", frame: 10, src: client, sport: clientPort, dst: server, dport: serverPort },
			...{ method: "GET", name: "www.news.example:80", uri: "/news?x=1" },
		},
	]);
}

/** A hello in two datagrams, the second first and what overlaps in both; then one of version 2 whose frames are disordered. */
function quic(): OwnCapture {
	const hello = clientHello([POST_QUANTUM_KEY_SHARE, VERSIONS, serverName(NAME)]);
	const other = clientHello([VERSIONS, serverName("www.news.example")]);
	const ends = { ...ENDS, clientPort: 40_003 };
	const frames = [
		initial({ frames: crypto(700, hello.subarray(700)), number: 1 }),
		initial({ frames: Buffer.concat([PING, crypto(0, hello.subarray(0, 720))]), number: 0 }),
		shortHeader(80),
	].map((payload) => quicDatagram(ENDS, payload));
	const second = Buffer.concat([crypto(100, other.subarray(100)), PING, crypto(0, other.subarray(0, 100))]);
	frames.push(quicDatagram(ends, initial({ version: QUIC2, frames: second, token: Buffer.from("token") })));
	return capture("quic.pcap", pcap(recorded(frames)), [
		quicRow(ENDS, NAME, 1, QUIC1),
		quicRow(ends, "www.news.example", 4, QUIC2),
	]);
}

function quicDatagram({ client, clientPort, server, serverPort }: Ends, payload: Buffer): Buffer {
	return ethernet(ETHER.ipv4, ip({ from: client, to: server, protocol: IP.udp }, udp(clientPort, serverPort, payload)));
}

function quicRow({ client, clientPort, server, serverPort }: Ends, name: string, frame: number, version: number) {
	const text = `0x${version.toString(16).padStart(8, "0")}`;
	return { proto: "quic", frame, src: client, sport: clientPort, dst: server, dport: serverPort, name, version: text };
}

/** No SYN, and the second segment first. */
function withoutBeginning(): OwnCapture {
	const hello = records(clientHello([VERSIONS, serverName(NAME)]));
	const talk = new Talk();
	const [first, second] = [hello.subarray(0, 60), hello.subarray(60)];
	const frames = [
		talk.say("client", 60, second),
		talk.say("client", 0, first),
		talk.say("server", 0, Buffer.alloc(0), 60),
	];
	return capture("tls-without-beginning.pcap", pcap(recorded(frames)), [tls(ENDS, NAME, 2)]);
}

function withoutName(): OwnCapture {
	const talk = new Talk({ serverPort: 22 });
	const frames = [...talk.open(), talk.say("client", 0, Buffer.from("SSH-2.0-OpenSSH_9.2\r\n"))];
	return {
		...capture("nothing.pcap", pcap(recorded(frames)), []),
		row: { ...row("nothing.pcap", []), negative: true },
	};
}

function capture(file: string, bytes: Buffer, expected: readonly object[]): OwnCapture {
	return { file, bytes, row: row(file, expected) };
}

function row(file: string, expected: readonly object[]) {
	return { file, proto: file.split("-", 1)[0], features: [], expected };
}

function tls({ client, clientPort, server, serverPort }: Ends, name: string, frame: number) {
	return { proto: "tls", frame, stream: 0, src: client, sport: clientPort, dst: server, dport: serverPort, name };
}

function pieces(bytes: Buffer, size: number): (readonly [at: number, piece: Buffer])[] {
	const found: (readonly [number, Buffer])[] = [];
	for (let at = 0; at < bytes.length; at += size) found.push([at, bytes.subarray(at, at + size)]);
	return found;
}

/** A packet each millisecond. */
function recorded(frames: readonly Buffer[]): Recorded[] {
	return frames.map((bytes, index) => ({ bytes, time: 1_700_000_000_000_000_000n + BigInt(index) * 1_000_000n }));
}
