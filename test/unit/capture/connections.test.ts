/** TCP reassembly: each side's bytes are delivered once and in order, whatever the order of the segments. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Dissector } from "../../../src/capture/dissector.ts";
import { Connections } from "../../../src/capture/tcp-connections.ts";
import { TCP_FLAGS } from "../../support/capture/packets.ts";
import { cut, Talk } from "../../support/capture/talk.ts";

interface Heard {
	readonly said: [client: string, server: string];
	readonly lost: [client: number, server: number];
	ended: boolean;
}

function listen(frames: readonly Buffer[]): Heard[] {
	const heard: Heard[] = [];
	const connections = new Connections(() => {
		const one: Heard = { said: ["", ""], lost: [0, 0], ended: false };
		heard.push(one);
		return {
			received(by, bytes, _packet, lost) {
				one.said[by] += bytes.toString("latin1");
				one.lost[by] += lost;
			},
			ended() {
				one.ended = true;
			},
		};
	});
	const dissector = new Dissector({ segment: (segment) => connections.take(segment), datagram: () => {} });
	for (const [index, bytes] of frames.entries())
		dissector.take({ number: index + 1, time: 0n, linkType: 1, bytes, length: bytes.length });
	connections.end();
	return heard;
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz";
const talk = new Talk();
const say = (from: number, to: number) => talk.say("client", from, Buffer.from(ALPHABET.slice(from, to)));

test("both sides, each in order", () => {
	const frames = [...talk.open(), say(0, 10), talk.say("server", 0, Buffer.from("yes"), 10), say(10, 26)];
	expect(listen(frames)).toEqual([{ said: [ALPHABET, "yes"], lost: [0, 0], ended: true }]);
});

test("any split, order, repetition and overlap gives the same bytes", () => {
	const pieces = fc
		.array(fc.tuple(fc.nat(25), fc.integer({ min: 1, max: 26 })), { maxLength: 12 })
		.chain((extra) => fc.shuffledSubarray([...Array(26).keys()], { minLength: 26 }).map((order) => ({ extra, order })));
	fc.assert(
		fc.property(pieces, ({ extra, order }) => {
			const overlapping = extra.map(([from, length]) => say(from, Math.min(26, from + length)));
			const all = [...order.map((at) => say(at, at + 1)), ...overlapping];
			expect(listen([...talk.open(), ...all])[0]).toMatchObject({ said: [ALPHABET, ""], lost: [0, 0] });
		}),
		{ numRuns: 200 },
	);
});

test("the first bytes count where a later segment contradicts them", () => {
	const forged = talk.say("client", 0, Buffer.from("XXXXXXXXXX"));
	expect(listen([...talk.open(), say(0, 5), forged, say(10, 26)])[0]?.said[0]).toBe(`abcdeXXXXX${ALPHABET.slice(10)}`);
});

test("data in the SYN come first", () => {
	const syn = talk.packet("client", 0, Buffer.from("abc"), TCP_FLAGS.syn);
	expect(listen([syn, say(3, 26)])[0]?.said[0]).toBe(ALPHABET);
});

describe("a capture that lacks the beginning", () => {
	test("begins with the lowest sequence number, in any order of arrival", () => {
		const frames = [say(10, 20), say(0, 10), say(20, 26)];
		expect(listen(frames)[0]).toMatchObject({ said: [ALPHABET, ""], lost: [0, 0] });
	});

	test("begins at the acknowledgement of the other side", () => {
		const ack = talk.say("server", 0, Buffer.alloc(0), 0);
		expect(listen([ack, say(0, 26)])[0]).toMatchObject({ said: ["", ALPHABET], lost: [0, 0] });
	});

	test("determines the client by the SYN-ACK", () => {
		expect(listen([...talk.open().slice(1), say(0, 26)])[0]?.said).toEqual([ALPHABET, ""]);
	});
});

describe("a gap", () => {
	test("is reported with its size when the capture ends", () => {
		expect(listen([...talk.open(), say(0, 5), say(9, 26)])[0]).toMatchObject({
			said: [ALPHABET.slice(0, 5) + ALPHABET.slice(9), ""],
			lost: [4, 0],
		});
	});

	test("counts as lost when it was acknowledged and does not arrive", () => {
		const acks = [...Array(20).keys()].map((at) => talk.say("server", at, Buffer.from("."), 26));
		const late = say(5, 9);
		const [heard] = listen([...talk.open(), say(0, 5), say(9, 26), ...acks, late]);
		expect(heard?.said[0]).toBe(ALPHABET.slice(0, 5) + ALPHABET.slice(9));
	});

	test("does not delay a stream forever", () => {
		const many = cut(Buffer.alloc(2_000_000, "x"), ...Array(2000).fill(1000));
		let at = 10;
		const frames = many.map((piece) => {
			const frame = talk.say("client", at, piece);
			at += piece.length;
			return frame;
		});
		const [heard] = listen([...talk.open(), ...frames]);
		expect(heard?.lost[0]).toBe(10);
		expect(heard?.said[0].length).toBe(2_000_000);
	});
});

test("a SYN with another sequence number opens a new connection; a retransmitted one does not", () => {
	const [syn] = talk.open();
	const other = talk.packet("client", 77_777, Buffer.alloc(0), TCP_FLAGS.syn);
	expect(listen([syn!, syn!, say(0, 3)])).toHaveLength(1);
	expect(listen([syn!, say(0, 3), other])).toHaveLength(2);
});

test("the payload of a reset is not delivered", () => {
	const reset = talk.packet("client", 1, Buffer.from("forged"), TCP_FLAGS.rst | TCP_FLAGS.ack, 1);
	expect(listen([...talk.open(), reset, say(0, 26)])[0]?.said[0]).toBe(ALPHABET);
});
