/** The parsers in the kernel and in user space: the same request, byte for byte, for 100,000 inputs that were made of others. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { PARSE_ANSWER, PARSE_DNS_MESSAGE, PARSE_HTTP, PARSE_REQUEST, PARSE_STREAM } from "../../src/native/layout.ts";
import { PIECE_MAX } from "../../src/replay/stream-reader.ts";
import { OWN_CAPTURES } from "../captures/own.ts";
import { captures, collectSeeds } from "../fuzz/seeds.ts";
import { addon, Scratch } from "../native/scratch.ts";
import { type Both, inBoth } from "./both.ts";
import { CORPUS } from "./manifest.ts";

const INPUTS = 100_000;
/** Kinds of requests, and whose seeds they begin with. */
const KINDS = [
	[PARSE_STREAM, "tls"],
	[PARSE_STREAM, "http"],
	[PARSE_HTTP, "http"],
	[PARSE_ANSWER, "http"],
	[PARSE_DNS_MESSAGE, "dns"],
] as const;
/** From these folders: the corpus may not be there. */
const FOLDERS = [OWN_CAPTURES, CORPUS];

let scratch: Scratch;
let both: Both;

beforeAll(() => {
	scratch = new Scratch();
	both = inBoth(addon, scratch.load({ detached: true }));
});
afterAll(() => scratch.close());

/** mulberry32: a failure can be run again. */
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

function mutate(seed: Buffer, other: Buffer, next: (below: number) => number): Buffer {
	const bytes = Buffer.from(seed.subarray(0, 1 + next(PIECE_MAX)));
	for (let change = next(8); change > 0; change--) {
		const at = next(bytes.length);
		if (next(4) === 0) other.copy(bytes, at, next(other.length));
		else bytes[at] = next(2) === 0 ? next(256) : (bytes[at] ?? 0) ^ (1 << next(8));
	}
	return bytes;
}

/** The state goes from piece to piece. */
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
