/** The kernel's parsers and their user-space build give identical results for 100,000 mutated inputs. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { PARSE_KIND, PARSE_QUIC, PARSE_REQUEST, QUIC_STEP } from "../../src/native/layout.ts";
import { PIECE_MAX } from "../../src/replay/stream-reader.ts";
import { OWN_CAPTURES } from "../captures/own.ts";
import { captures, collectSeeds } from "../fuzz/seeds.ts";
import { addon, Scratch } from "../native/scratch.ts";
import { clientKeys, crypto, DCID, initial, QUIC1, QUIC2 } from "../support/quic-packets.ts";
import { clientHello, padding, serverName, VERSIONS } from "../support/tls-hello.ts";
import { CORPUS } from "./manifest.ts";
import { type Both, inBoth } from "./parser-pair.ts";

const INPUTS = 100_000;
/** QUIC datagrams: each needs a key derivation. */
const DATAGRAMS = 20_000;
/** Kinds of requests, and the source of their seeds. */
const KINDS = [
	[PARSE_KIND.stream, "tls"],
	[PARSE_KIND.stream, "http"],
	[PARSE_KIND.http, "http"],
	[PARSE_KIND.answer, "http"],
	[PARSE_KIND.dns, "dns"],
] as const;
/** Seed folders; the corpus may be missing. */
const FOLDERS = [OWN_CAPTURES, CORPUS];

let scratch: Scratch;
let both: Both;

beforeAll(() => {
	scratch = new Scratch();
	both = inBoth(addon, scratch.load({ detached: true }));
});
afterAll(() => scratch.close());

/** mulberry32, so that a failure can be reproduced. */
function random(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
	};
}

test(`${INPUTS} inputs`, { timeout: 300_000 }, async () => {
	const next = random(20_261_121);
	const seeds = new Map<string, Buffer[]>();
	for (const parser of ["tls", "http", "dns"]) seeds.set(parser, await collectSeeds(parser, FOLDERS.flatMap(captures)));
	for (let input = 0; input < INPUTS; input++) {
		const [kind, parser] = KINDS[next(KINDS.length)]!;
		const mine = seeds.get(parser)!;
		const bytes = mutate(mine[next(mine.length)]!, mine[next(mine.length)]!, next);
		readInPieces(kind, bytes, next);
	}
	expect(both.asked()).toBeGreaterThanOrEqual(INPUTS);
});

/** Packets with flipped bits fail authentication, so most mutations change the frames and seal the packet again. */
test(`${DATAGRAMS} datagrams of QUIC`, { timeout: 300_000 }, async () => {
	const next = random(20_261_122);
	const seeds = await collectSeeds("quic", FOLDERS.flatMap(captures));
	const steps = new Map<number, number>();
	for (let flow = 0, given = 0; given < DATAGRAMS; flow++) {
		const request = quicRequest(flow);
		const hello = clientHello([VERSIONS, serverName(`host-${flow}.example`), padding(next(1500))]);
		for (let datagram = next(4); datagram >= 0; datagram--, given++) {
			const seed = () => seeds[next(seeds.length)]!;
			const bytes = next(4) === 0 ? mutate(seed(), seed(), next) : sealed(hello, datagram, next);
			for (const step of readDatagram(request, bytes)) steps.set(step, (steps.get(step) ?? 0) + 1);
		}
	}
	// If no datagram could be parsed, the comparison would be empty.
	for (const step of ["hello", "half", "whole", "strange", "broken"] as const)
		expect(steps.get(QUIC_STEP[step]) ?? 0, step).toBeGreaterThan(100);
});

function quicRequest(flow: number): Buffer {
	const request = Buffer.alloc(PARSE_REQUEST.bytes);
	request.writeUInt8(PARSE_KIND.quic, PARSE_REQUEST.kind);
	request.writeUInt32LE(flow, PARSE_REQUEST.quic + PARSE_QUIC.cookie);
	request.writeUInt8(1, PARSE_REQUEST.quic + PARSE_QUIC.isNew);
	return request;
}

/** An Initial packet with a part of the hello, with one byte possibly changed and other data possibly appended. */
function sealed(hello: Buffer, number: number, next: (below: number) => number): Buffer {
	const version = next(3) === 0 ? QUIC2 : QUIC1;
	const half = hello.length >> 1;
	const [from, to] = [
		[0, hello.length],
		[0, half + 10],
		[half, hello.length],
	][next(3)] as [number, number];
	const part = Buffer.from(hello.subarray(from, to));
	if (next(8) === 0) part[next(part.length)] = next(256);
	const junk = Buffer.from(Array.from({ length: next(6) === 0 ? next(12) : 0 }, () => next(32)));
	const dcid = next(8) === 0 ? Buffer.from([next(4), 2, 3, 4, 5, 6, 7, 8]) : DCID;
	const keys = next(12) === 0 ? { keys: clientKeys(version, Buffer.from([next(4)])) } : {};
	return initial({ version, dcid, number, frames: Buffer.concat([crypto(from, part), junk]), size: 300, ...keys });
}

function readDatagram(request: Buffer, bytes: Buffer): number[] {
	const steps: number[] = [];
	request.writeUInt32LE(0, PARSE_REQUEST.at);
	request.writeUInt32LE(bytes.length, PARSE_REQUEST.end);
	request.fill(0, PARSE_REQUEST.quic + PARSE_QUIC.way, PARSE_REQUEST.quic + PARSE_QUIC.isNew);
	while (steps.at(-1) !== QUIC_STEP.end && steps.length < bytes.length) {
		both.parse(request, bytes);
		steps.push(request.readUInt8(PARSE_REQUEST.result));
	}
	return steps;
}

function mutate(seed: Buffer, other: Buffer, next: (below: number) => number): Buffer {
	const bytes = Buffer.from(seed.subarray(0, 1 + next(PIECE_MAX)));
	for (let change = next(8); change > 0; change--) {
		const at = next(bytes.length);
		if (next(4) === 0) other.copy(bytes, at, next(other.length));
		else bytes[at] = next(2) === 0 ? next(256) : (bytes[at] ?? 0) ^ (1 << next(8));
	}
	return bytes;
}

/** The parser's state carries over from piece to piece. */
function readInPieces(kind: number, bytes: Buffer, next: (below: number) => number): void {
	const request = Buffer.alloc(PARSE_REQUEST.bytes);
	request.writeUInt8(kind, PARSE_REQUEST.kind);
	for (let at = 0, pieces = 0; at < bytes.length && pieces < 4; pieces++) {
		const piece = bytes.subarray(at, pieces === 3 ? bytes.length : at + 1 + next(bytes.length));
		request.writeUInt32LE(0, PARSE_REQUEST.at);
		request.writeUInt32LE(piece.length, PARSE_REQUEST.end);
		for (let call = 0; call < 4; call++) both.parse(request, piece);
		at += piece.length;
	}
}
