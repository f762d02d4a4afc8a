/** A name that some server may read in a client's stream is read or unread, never absent. Streams are made at random. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { addon } from "../native/scratch.ts";
import { namesOfAnyHello } from "../support/lenient-tls.ts";
import { inUserSpace, readStream, tlsClassOf } from "../support/parse.ts";
import { clientHello, cut, padding, records, serverName, VERSIONS } from "../support/tls-hello.ts";

const RUNS = 6_000;
const SEED = 20_261_130;

const NAMES = ["good.test", "bad.test", "a.b.c.model.example", "x"];

const text = (...lines: readonly string[]) => fc.constantFrom(...lines).map((line) => Buffer.from(line, "latin1"));

/** What a client may send before a ClientHello that its server reads. */
const before = fc.oneof(
	text("EHLO x\r\nSTARTTLS\r\n", "NOOP\r\n", "\0\0\0\x08\x04\xd2\x16/", "CONNECT bad.test:443 HTTP/1.1\r\n\r\n"),
	text("\x05\x01\x00", "\x05\x01\x00\x03\x08bad.test\x01\xbb", "\x04\x01\x01\xbb\x7f\x00\x00\x01u\0"),
	text("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", "POST / HTTP/1.1\r\nHost: good.test\r\nContent-Length: 900\r\n\r\n"),
	text("GET / HTTP/1.1\r\nHost: good.test\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n", "\x80\x2e\x01\x03\x01"),
	text(
		"\x16",
		"\x16\x03",
		"\x16\x03\x01\x02\x00",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"\x14\x03\x03\x00\x01\x01",
	),
	text("\x15\x03\x01\x00\x02\x01\x00", "\x17\x03\x03\x00\x03abc", "\r", "\0", "\xff", "\x16\x03\x01\x00\x00"),
	fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
);

const hello = fc
	.record({
		name: fc.constantFrom(...NAMES),
		inner: fc.option(fc.constantFrom(...NAMES), { freq: 4 }),
		padded: fc.constantFrom(0, 0, 30, 900),
		sessionId: fc.constantFrom(0, 1, 32, 32),
		size: fc.constantFrom(1, 2, 5, 40, 300, 16_384, 16_384),
		minor: fc.constantFrom(0, 1, 1, 3, 5, 255),
		nameFirst: fc.boolean(),
	})
	.map(({ name, inner, padded, sessionId, size, minor, nameFirst }) => {
		const data = inner === null ? Buffer.alloc(padded) : records(clientHello([serverName(inner)]));
		const rest = [VERSIONS, { ...padding(0), data }];
		const extensions = nameFirst ? [serverName(name), ...rest] : [...rest, serverName(name)];
		const made = records(clientHello(extensions, { sessionId: Buffer.alloc(sessionId, 0x16) }), size);
		for (let at = 0; at < made.length; at += 5 + made.readUInt16BE(at + 3)) made[at + 2] = minor;
		return made;
	});

const stream = fc
	.record({
		parts: fc.array(fc.oneof(before, hello), { minLength: 1, maxLength: 5 }),
		flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 2 }),
		piece: fc.constantFrom(1, 3, 17, 536, 1400, 65_536),
	})
	.map(({ parts, flips, piece }) => {
		const bytes = Buffer.concat(parts);
		for (const [where, by] of bytes.length > 0 ? flips : []) {
			const at = where % bytes.length;
			bytes.writeUInt8(bytes.readUInt8(at) ^ by, at);
		}
		return { bytes, piece };
	});

test("what any server may take for a ClientHello is read or unread", () => {
	const parse = inUserSpace(addon);
	let found = 0;
	fc.assert(
		fc.property(stream, ({ bytes, piece }) => {
			const read = readStream(parse, cut(bytes, piece), { isWatched: true });
			for (const name of namesOfAnyHello(bytes)) {
				found++;
				const names = read.hellos.map((one) => one.name?.toLowerCase());
				const isKnown = names.includes(name.toLowerCase()) || tlsClassOf(read) === "unread";
				expect(isKnown, `${name} in ${bytes.toString("hex")} by ${piece} bytes: read ${names.join(", ")}`).toBe(true);
			}
		}),
		{ numRuns: RUNS, seed: SEED },
	);
	expect(found).toBeGreaterThan(RUNS / 2);
}, 300_000);
