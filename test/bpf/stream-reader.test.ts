/** bpf/parse/reader.h: the stream of a TCP client, split into segments of any size, in the kernel and in user space. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PARSE_KIND, PARSE_REQUEST, READ_RESULT, TEXT } from "../../src/native/layout.ts";
import { addon, Scratch } from "../native/scratch.ts";
import { inKernel, inUserSpace, type Parse, readStream } from "../support/parse.ts";
import {
	clientHello,
	cut,
	EARLY_DATA,
	ECH,
	POST_QUANTUM_KEY_SHARE,
	padding,
	records,
	serverName,
	VERSIONS,
} from "../support/tls-hello.ts";

let scratch: Scratch;
let parsers: readonly (readonly [string, Parse])[];

beforeAll(() => {
	scratch = new Scratch();
	const kernel = scratch.load({ detached: true });
	parsers = [
		["user space", inUserSpace(addon)],
		["the kernel", inKernel(kernel)],
	];
});
afterAll(() => scratch.close());

/** Reads the stream with both parsers, asserts that their requests are identical, and returns the result. */
function read(stream: Uint8Array, size = 1400) {
	const pieces = cut(stream, size);
	const [inUser, inKern] = parsers.map(([, parse]) => readStream(parse, pieces));
	expect(inKern!.requests).toEqual(inUser!.requests);
	return inUser!;
}

/** SP_REQUEST_BROKEN */
const BROKEN = 0x2000;
const NAME = "api.model.example";
const named = { name: NAME, how: "named", flags: 0 };
const PLAIN = clientHello([VERSIONS, serverName(NAME)]);
const LARGE = clientHello([POST_QUANTUM_KEY_SHARE, VERSIONS, serverName(NAME), padding(300)]);

describe("a hello", () => {
	test.each([1, 2, 3, 5, 7, 64, 1000, 1400])("in segments of %i", (size) => {
		for (const hello of [PLAIN, LARGE]) {
			const stream = records(hello);
			expect(read(stream, size).hellos).toMatchObject([{ ...named, after: stream.length }]);
		}
	});

	test.each([1, 2, 3, 4, 5, 100, 511])("in records of %i", (size) => {
		for (const segment of [1, 3, 11, 1400]) {
			const stream = records(LARGE, size);
			expect(read(stream, segment).hellos).toMatchObject([{ ...named, after: stream.length }]);
		}
	});

	test("split at every offset", () => {
		const stream = records(PLAIN, 61);
		for (let at = 1; at < stream.length; at++) {
			const pieces = [stream.subarray(0, at), stream.subarray(at)];
			for (const [, parse] of parsers) {
				const { hellos, isPending } = readStream(parse, pieces);
				expect(hellos).toMatchObject([{ ...named, after: stream.length }]);
				expect(isPending).toBe(false);
				expect(readStream(parse, pieces.slice(0, 1))).toMatchObject({ hellos: [], isPending: true });
			}
		}
	});

	test("of 16 kB is parsed, and a longer one is invalid", () => {
		const around = clientHello([serverName(NAME), padding(0)]).length - 4;
		expect(read(records(clientHello([padding(16_384 - around), serverName(NAME)]))).hellos).toMatchObject([named]);
		expect(read(records(clientHello([padding(16_385 - around), serverName(NAME)]))).hellos).toMatchObject([
			{ name: null, how: "broken" },
		]);
	});

	test.each([
		["no extensions", null, "unnamed", null],
		["no server_name", [VERSIONS], "unnamed", null],
		["an empty list of extensions", [], "unnamed", null],
		["two server_name extensions", [serverName(NAME), VERSIONS, serverName("evil.example")], "broken", null],
		["two host names in one", [serverName(NAME, "evil.example")], "broken", null],
		["an empty name", [serverName("")], "named", ""],
		["a name with NUL", [serverName("api.model.example\0.evil.example")], "named", "api.model.example\0.evil.example"],
	] as const)("with %s", (_what, extensions, how, name) => {
		for (const size of [1, 1400])
			expect(read(records(clientHello(extensions)), size).hellos).toMatchObject([{ how, name }]);
	});

	test("with a name of 300 bytes keeps the first 256", () => {
		const name = "a".repeat(300);
		for (const size of [1, 100, 1400]) {
			expect(read(records(clientHello([serverName(name), VERSIONS])), size).hellos).toMatchObject([
				{ how: "named", name: name.slice(0, 256) },
			]);
		}
	});

	test("with encrypted_client_hello is marked, whatever its position", () => {
		for (const extensions of [
			[ECH, serverName(NAME)],
			[serverName(NAME), ECH],
		]) {
			expect(read(records(clientHello(extensions)), 50).hellos).toMatchObject([{ name: NAME, flags: 1 }]);
		}
	});

	test("with an extension longer than the list is invalid", () => {
		const hello = Buffer.from(PLAIN);
		hello.writeUInt16BE(0x4000, hello.length - NAME.length - 7);
		expect(read(records(hello)).hellos).toMatchObject([{ how: "broken" }]);
	});

	test("interrupted by another record is invalid", () => {
		const stream = Buffer.concat([
			records(PLAIN.subarray(0, 40)),
			records(Buffer.from([1]), 9, 20),
			records(PLAIN.subarray(40)),
		]);
		expect(read(stream).hellos).toMatchObject([{ how: "broken" }]);
	});
});

describe("after a hello", () => {
	const SECOND = clientHello([serverName("second.example")]);
	const CHANGE_CIPHER = records(Buffer.from([1]), 9, 20);

	test("a second one is parsed (HelloRetryRequest), with or without change_cipher_spec before it", () => {
		for (const between of [Buffer.alloc(0), CHANGE_CIPHER]) {
			for (const size of [1, 1400]) {
				const { hellos } = read(Buffer.concat([records(PLAIN), between, records(SECOND)]), size);
				expect(hellos).toMatchObject([named, { name: "second.example" }]);
			}
		}
	});

	test("application data end the search, unless early data were offered", () => {
		const data = records(Buffer.alloc(200, 0x16), 200, 23);
		expect(read(Buffer.concat([records(PLAIN), data, records(SECOND)]))).toMatchObject({
			hellos: [named],
			isOver: true,
		});
		const early = clientHello([EARLY_DATA, serverName(NAME)]);
		expect(read(Buffer.concat([records(early), data, records(SECOND)])).hellos).toMatchObject([
			{ name: NAME },
			{ name: "second.example" },
		]);
	});

	test("the second flight of TLS 1.2 ends the search", () => {
		const keyExchange = records(Buffer.from([16, 0, 0, 2, 1, 1]));
		for (const size of [1, 1400])
			expect(read(Buffer.concat([records(PLAIN), keyExchange]), size)).toMatchObject({ hellos: [named], isOver: true });
	});
});

describe("requests of HTTP", () => {
	const GET = "GET /a HTTP/1.1\r\nHost: one.example\r\n\r\n";
	const POST = "POST /b HTTP/1.1\r\nHost: two.example\r\nContent-Length: 5\r\n\r\nGET /";

	test("each request of a connection is found, in segments of any size", () => {
		for (const size of [1, 3, 1400]) {
			const { requests, hellos } = read(Buffer.from(GET + POST + GET, "latin1"), size);
			expect(asked(requests)).toEqual(["GET one.example /a", "POST two.example /b", "GET one.example /a"]);
			expect(hellos).toEqual([]);
		}
	});

	test("the name in CONNECT, and the tunnel's content: a hello, or requests", () => {
		const connect = "CONNECT three.example:443 HTTP/1.1\r\nHost: proxy.example\r\n\r\n";
		for (const size of [1, 1400]) {
			const tls = read(Buffer.concat([Buffer.from(connect, "latin1"), records(LARGE)]), size);
			expect(asked(tls.requests)).toEqual(["CONNECT three.example "]);
			expect(tls.hellos).toMatchObject([named]);
			expect(asked(read(Buffer.from(connect + GET, "latin1"), size).requests)).toEqual([
				"CONNECT three.example ",
				"GET one.example /a",
			]);
		}
	});

	test("a hello in place of the next request is judged, as is data that hides it", () => {
		const { requests, hellos } = read(Buffer.concat([Buffer.from(GET, "latin1"), records(PLAIN)]));
		expect(asked(requests)).toEqual(["GET one.example /a", "broken"]);
		expect(hellos).toMatchObject([named]);
	});
});

/** The request heads found. */
function asked(requests: readonly Buffer[]): string[] {
	return requests
		.filter((request) => request.readUInt8(PARSE_REQUEST.result) === READ_RESULT.request)
		.map((request) => {
			const text = request.subarray(PARSE_REQUEST.text, PARSE_REQUEST.text + TEXT.bytes);
			const part = (length: number, at: number) => text.toString("latin1", at, at + text.readUInt16LE(length));
			if (text.readUInt32LE(TEXT.flags) & BROKEN) return "broken";
			return [
				part(TEXT.methodLength, TEXT.method),
				part(TEXT.nameLength, TEXT.name),
				part(TEXT.pathLength, TEXT.path),
			].join(" ");
		});
}

describe("cleartext", () => {
	test.each([
		["one byte", "x"],
		["STARTTLS", "EHLO me\r\nSTARTTLS\r\n"],
		["SOCKS 5", "\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb"],
		["CONNECT", "CONNECT api.model.example:443 HTTP/1.1\r\nHost: api.model.example\r\n\r\n"],
		["what looks like a record", "\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00"],
		["beginnings of a hello", "\x16\x16\x16\x03\x16\x16\x03\x01\x02"],
		["the first byte of a record", "\x16"],
		["the first bytes of a record", "\x16\x03"],
		["a record whose hello is too long", "\x16\x03\x01\x00\x40\x01\x16"],
		["an SSL 2 length", "\x80\x16\x03\x01\x02\x00"],
		["40,000 bytes", "\x16 ".repeat(20_000)],
	])("of %s before a hello: it is found", (_what, before) => {
		for (const size of [1400, ...(before.length < 100 ? [1, 3] : [])]) {
			const found = read(Buffer.concat([Buffer.from(before, "latin1"), records(LARGE, 700)]), size);
			expect(found).toMatchObject({ isOther: true, hellos: [named] });
		}
	});

	test("is searched for 64 kB", () => {
		expect(read(Buffer.alloc(70_000, 0x01))).toMatchObject({ isOther: true, hellos: [], isOver: true });
	});

	test("a hello of SSL 2 has no name", () => {
		const hello = Buffer.from("802e0103010015000000100100800300800700c006004002008004008000000401020304", "hex");
		for (const size of [1, 1400]) expect(read(hello, size).hellos).toMatchObject([{ how: "unnamed", name: null }]);
	});
});

describe("a request behind", () => {
	const request = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
	test.each([
		["nothing", ""],
		["SOCKS 4", "\x04\x01\x00\x50\x01\x02\x03\x04user\0"],
		["SOCKS 4a", "\x04\x01\x00\x50\x00\x00\x00\x04\0a.test\0"],
		["SOCKS 5, to an address", "\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50"],
		["SOCKS 5, to a name", "\x05\x02\x00\x01\x05\x01\x00\x03\x06a.test\x00\x50"],
		["SOCKS 5, to an IPv6 address", `\x05\x01\x00\x05\x01\x00\x04${"\x20".repeat(16)}\x00\x50`],
		["SOCKS 5 with a password", "\x05\x01\x02\x01\x02me\x03abc\x05\x01\x00\x01\x01\x02\x03\x04\x00\x50"],
		["SOCKS 5, to a port that ends in 22", "\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x00\x16"],
		["the PROXY protocol, version 1", "PROXY TCP6 ::1 ::1 1 2\r\n"],
		["the PROXY protocol, version 2", "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c123456789012"],
		["both", "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00PROXY UNKNOWN\r\n"],
	])("%s is read", (_what, before) => {
		for (const size of [1, 3, 1400]) {
			const found = read(Buffer.from(before + request, "latin1"), size);
			expect(found.heads).toEqual([{ name: "a.test", after: before.length + request.length }]);
			expect(found.hellos).toEqual([]);
		}
	});

	test("SOCKS 5 whose last bytes could begin a ClientHello, but do not, is read", () => {
		const found = read(Buffer.from(`\x05\x01\x00\x05\x01\x00\x01\x01\x02\x16\x03\x01\x01${request}`, "latin1"));
		expect(found.heads).toMatchObject([{ name: "a.test" }]);
	});

	test.each([
		["SOCKS 5", "\x05\x01\x00\x05\x01\x00\x01\x01\x02\x03\x04\x01\xbb"],
		["the PROXY protocol, version 1", "PROXY TCP6 ::1 ::1 1 2\r\n"],
		["the PROXY protocol, version 2", "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c123456789012"],
	])("a hello behind %s is read", (_what, before) => {
		for (const size of [1, 3, 1400])
			expect(read(Buffer.concat([Buffer.from(before, "latin1"), records(PLAIN)]), size).hellos).toMatchObject([named]);
	});

	test("HTTP/2 after an upgrade cannot be read", () => {
		const upgrade = "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: h2c\r\n\r\n";
		const found = read(Buffer.from(`${upgrade}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`, "latin1"), 1);
		expect(found.heads).toMatchObject([{ name: "a.test" }, { name: null }]);
	});
});

test("a request outside the buffer is refused", () => {
	const request = Buffer.alloc(PARSE_REQUEST.bytes);
	request.writeUInt8(PARSE_KIND.stream, PARSE_REQUEST.kind);
	request.writeUInt32LE(5, PARSE_REQUEST.end);
	expect(() => addon.parse(request, Buffer.alloc(4))).toThrow(/lie outside bytes/);
});
