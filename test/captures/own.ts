/** Captures that the project makes itself: small, committed, and made again by `node test/captures/make.ts`. */
import { pcap, pcapng, type Recorded } from "../support/capture/files.ts";
import { ENDS, type Ends, Talk } from "../support/capture/talk.ts";
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
	return [split(), disordered(), afterCleartext(), withoutBeginning(), withoutName()];
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
