/** bpf/parse/dtls.h: the ClientHello of a datagram, in the kernel and in user space. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addon, Scratch } from "../native/scratch.ts";
import { DTLS10, dtlsHello, dtlsMessage, dtlsNamed, dtlsRecord } from "../support/dtls-packets.ts";
import { inKernel, inUserSpace, type Parse, readDtls } from "../support/parse.ts";
import { ECH, POST_QUANTUM_KEY_SHARE, padding, serverName, VERSIONS } from "../support/tls-hello.ts";

let scratch: Scratch;
let kernel: Parse;
beforeAll(() => {
	scratch = new Scratch();
	kernel = inKernel(scratch.load({ detached: true }));
});
afterAll(() => scratch.close());

/** Reads the datagram with both parsers, asserts that they agree, and returns the result. */
function read(datagram: Uint8Array) {
	const hello = readDtls(inUserSpace(addon), datagram);
	expect(readDtls(kernel, datagram)).toEqual(hello);
	return hello;
}

const NAME = "api.model.example";
const HELLO = dtlsHello([VERSIONS, serverName(NAME)]);
const RECORD = dtlsRecord(dtlsMessage(HELLO));
const ENCRYPTED = dtlsRecord(Buffer.alloc(40, 0x5a), { epoch: 1 });
const named = { how: "named", name: NAME };
const broken = { how: "broken" };
const none = { how: "none" };

describe("a ClientHello is read", () => {
	test.each([
		["of version 1.2", RECORD],
		["of version 1.0", dtlsNamed(NAME)],
		["with a cookie", dtlsNamed(NAME, { cookie: Buffer.alloc(255, 0x16) })],
		["with a session id", dtlsNamed(NAME, { sessionId: Buffer.alloc(32, 0xfe) })],
		["with extensions before the name", dtlsRecord(dtlsMessage(dtlsHello([POST_QUANTUM_KEY_SHARE, serverName(NAME)])))],
		["with extensions after the name", dtlsRecord(dtlsMessage(dtlsHello([serverName(NAME), padding(700)])))],
		["after an alert", Buffer.concat([dtlsRecord(Buffer.from([1, 0]), { type: 21 }), RECORD])],
		["before an encrypted record", Buffer.concat([RECORD, ENCRYPTED])],
		["after an encrypted record", Buffer.concat([ENCRYPTED, RECORD])],
		[
			"after another message",
			dtlsRecord(Buffer.concat([dtlsMessage(Buffer.from([11, 0, 0, 1, 0])), dtlsMessage(HELLO)])),
		],
	])("%s", (_, datagram) => {
		expect(read(datagram)).toMatchObject(named);
	});

	test("with ECH, which is marked", () => {
		expect(read(dtlsRecord(dtlsMessage(dtlsHello([ECH, serverName(NAME)])))).flags).toBe(1);
	});

	test("without a name", () => {
		expect(read(dtlsRecord(dtlsMessage(dtlsHello([VERSIONS]))))).toMatchObject({ how: "unnamed" });
		expect(read(dtlsRecord(dtlsMessage(dtlsHello(null))))).toMatchObject({ how: "unnamed" });
	});
});

describe("what a server may take for a ClientHello cannot be read", () => {
	const cut = Buffer.from(HELLO);
	cut.writeUIntBE(HELLO.length - 4 - 6, 1, 3);
	test.each([
		["a first fragment", dtlsRecord(dtlsMessage(HELLO, { part: [0, 60] }))],
		["a last fragment", dtlsRecord(dtlsMessage(HELLO, { part: [60, HELLO.length - 4] }))],
		["two ClientHellos", Buffer.concat([RECORD, dtlsNamed("other.example")])],
		["two in one record", dtlsRecord(Buffer.concat([dtlsMessage(HELLO), dtlsMessage(HELLO, { sequence: 1 })]))],
		["two names", dtlsRecord(dtlsMessage(dtlsHello([serverName(NAME, "other.example")])))],
		["a message that is longer than its record", dtlsRecord(dtlsMessage(HELLO).subarray(0, 80))],
		["a message whose length contradicts it", dtlsRecord(dtlsMessage(cut.subarray(0, HELLO.length - 6)))],
		["a session id of 33 bytes", dtlsNamed(NAME, { sessionId: Buffer.alloc(33) })],
		[
			"one behind a record of another version",
			Buffer.concat([dtlsRecord(Buffer.alloc(0), { version: 0xfe01 }), RECORD]),
		],
		["one inside a record that a server drops", dtlsRecord(RECORD, { type: 23, version: DTLS10 })],
		[
			"one inside a session id and extensions",
			dtlsRecord(dtlsMessage(dtlsHello([{ type: 99, data: RECORD }, serverName(NAME)]))),
		],
		[
			"one after a record that does not end",
			Buffer.concat([dtlsRecord(Buffer.alloc(0), { type: 23 }).fill(0xff, 11), RECORD]),
		],
	])("%s", (_, datagram) => {
		expect(read(datagram)).toMatchObject(broken);
	});
});

test.each([
	["nothing", Buffer.alloc(0)],
	["an encrypted record", ENCRYPTED],
	[
		"a flight after the ClientHello",
		Buffer.concat([dtlsRecord(dtlsMessage(Buffer.from([16, 0, 0, 2, 1, 2]))), ENCRYPTED]),
	],
	["an alert", dtlsRecord(Buffer.from([2, 40]), { type: 21 })],
	["NTP", Buffer.concat([Buffer.from([0x1b, 0xfe, 0, 0]), Buffer.alloc(44)])],
])("%s is no ClientHello", (_, datagram) => {
	expect(read(datagram)).toMatchObject(none);
});
