/** bpf/parse/http.h: HTTP/1 requests split into segments of any size, in the kernel and in user space. */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REQUEST_FLAG } from "../../src/native/layout.ts";
import { addon, Scratch } from "../native/scratch.ts";
import { inKernel, inUserSpace, type Parse, readHttp, readStatus } from "../support/parse.ts";
import { cut } from "../support/tls-hello.ts";

let scratch: Scratch;
let user: Parse;
let kernel: Parse;

beforeAll(() => {
	scratch = new Scratch();
	user = inUserSpace(addon);
	kernel = inKernel(scratch.load({ detached: true }));
});
afterAll(() => scratch.close());

/** The result is the same for the whole stream, for segments of 1, 3 and 64 bytes, and in the kernel. */
function read(text: string) {
	const bytes = Buffer.from(text, "latin1");
	const whole = readHttp(user, [bytes]);
	for (const size of [1, 3, 64]) expect(readHttp(user, cut(bytes, size)), `in segments of ${size}`).toEqual(whole);
	for (const size of [7, 2000]) expect(readHttp(kernel, cut(bytes, size)), "in the kernel").toEqual(whole);
	return whole;
}

const head = (line: string, ...fields: string[]) => [line, ...fields, "", ""].join("\r\n");
const GET = head("GET /a HTTP/1.1", "Host: a.test");

describe("the name of a request", () => {
	test.each([
		["Host", head("GET /a?b HTTP/1.1", "Host: A.test"), "A.test", "/a?b"],
		[
			"Host in any case, without a blank, behind others",
			head("GET / HTTP/1.1", "Hos: b", "hOST:a.test"),
			"a.test",
			"/",
		],
		["a port", head("GET / HTTP/1.1", "Host: a.test:8080 \t"), "a.test", "/"],
		["an IPv6 literal", head("GET / HTTP/1.1", "Host: [::1]:80"), "[::1]", "/"],
		["two equal Hosts", head("GET / HTTP/1.1", "Host: a.test", "Host: A.TEST:80"), "a.test", "/"],
		["an empty Host", head("GET / HTTP/1.1", "Host:"), "", "/"],
		["no Host", head("GET / HTTP/1.0"), "", "/"],
		["a URI", head("GET http://a.test:80/b HTTP/1.1", "Host: a.test"), "a.test", "/b"],
		["a URI without a path", head("GET HTTP://a.test HTTP/1.1"), "a.test", "/"],
		["a URI with a query alone", head("GET http://a.test?b HTTP/1.1"), "a.test", "/?b"],
		["CONNECT", head("CONNECT a.test:443 HTTP/1.1", "Host: proxy.test"), "a.test", ""],
		["asterisk-form", head("OPTIONS * HTTP/1.1", "Host: a.test"), "a.test", "*"],
		["a CR, blanks and line feeds in front", "\r\n \t\x1c\xa0GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "a.test", "/"],
		["a method of 300 letters", head(`${"A".repeat(300)} / HTTP/1.1`, "Host: a.test"), "a.test", "/"],
		["a request of RTSP", head("OPTIONS rtsp://a.test:554/b RTSP/1.0", "CSeq: 1"), "a.test", "/b"],
		["a request of Icecast", head("SOURCE /a ICE/1.0", "Host: a.test"), "a.test", "/a"],
		["the header of the PROXY protocol", `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${GET}`, "a.test", "/a"],
		["a method in lower case", head("get / HTTP/1.1", "Host: a.test"), "a.test", "/"],
		["bare line feeds, and empty lines in front", "\n\r\nGET / HTTP/1.1\nHost: a.test\n\n", "a.test", "/"],
	])("%s", (_, text, name, path) => {
		expect(read(text)).toMatchObject({ requests: [{ name, path, at: text.length }], end: null });
	});

	test("the URI's host takes precedence over Host, and a difference is recorded", () => {
		const { requests } = read(head("GET http://a.test/ HTTP/1.1", "Host: b.test"));
		expect(requests).toMatchObject([{ name: "a.test", flags: REQUEST_FLAG.absolute | REQUEST_FLAG.twoNames }]);
	});
});

describe("ambiguous requests are invalid", () => {
	test.each([
		["two Hosts", head("GET / HTTP/1.1", "Host: a.test", "Host: b.test"), "bad_host"],
		["one Host that begins another", head("GET / HTTP/1.1", "Host: a.test", "Host: a.tes"), "bad_host"],
		["a folded Host", head("GET / HTTP/1.1", "Host: a.test", " .b.test"), "bad_field"],
		["white space in front of the first field", head("GET / HTTP/1.1", " Host: a.test"), "bad_field"],
		["white space in front of the colon", head("GET / HTTP/1.1", "Host : a.test"), "bad_field"],
		["something behind the name", head("GET / HTTP/1.1", "Host: a.test b.test"), "bad_host"],
		["something behind the port", head("GET / HTTP/1.1", "Host: a.test:80@b.test"), "bad_host"],
		["user information", head("GET http://b.test@a.test/ HTTP/1.1"), "bad_host"],
		["a carriage return alone", head("GET / HTTP/1.1", "X: a\rHost: b.test"), "bad_control"],
		["NUL", head("GET / HTTP/1.1", "X: a\0"), "bad_control"],
		["length and coding", head("POST / HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked"), "bad_length"],
		["two lengths", head("POST / HTTP/1.1", "Content-Length: 3", "Content-Length: 4"), "bad_length"],
		["a list of lengths", head("POST / HTTP/1.1", "Content-Length: 3, 3"), "bad_length"],
		["a signed length", head("POST / HTTP/1.1", "Content-Length: +3"), "bad_length"],
		["a length beyond numbers", head("POST / HTTP/1.1", "Content-Length: 18446744073709551617"), "bad_length"],
		["white space in front of a length's colon", head("POST / HTTP/1.1", "Content-Length\t: 3"), "bad_field"],
		["two codings", head("POST / HTTP/1.1", ...Array(2).fill("Transfer-Encoding: chunked")), "bad_length"],
		["chunked not last", head("POST / HTTP/1.1", "Transfer-Encoding: chunked, gzip"), "bad_length"],
		["another coding", head("POST / HTTP/1.1", "Transfer-Encoding: xchunked"), "bad_length"],
		["a coding in HTTP/1.0", head("POST / HTTP/1.0", "Transfer-Encoding: chunked"), "bad_length"],
		["a blank in the path", head("GET /a b HTTP/1.1", "Host: a.test"), "bad_line"],
		["tabs in the request line", head("GET\t/a\tHTTP/1.1", "Host: a.test"), "bad_line"],
		["two blanks in the request line", head("GET  /a HTTP/1.1", "Host: a.test"), "bad_line"],
		["a path without a slash", head("GET a HTTP/1.1", "Host: a.test"), "bad_line"],
		["no version", "GET /a\r\n", "bad_line"],
		["no version and no slash", "GET a\n", "bad_line"],
		["no version behind a URI", "get http://a.test/\n", "bad_line"],
		["the version behind more words", "X a b c HTTP/1.1\r\n\r\n", "bad_line"],
		["a version in lower case", head("GET / http/1.1", "Host: a.test"), "bad_line"],
		["carriage returns as blanks", head("POST\r/\rHTTP/1.1", "Host: a.test"), "bad_control"],
		["no-break spaces as blanks", head("POST\xa0/\xa0HTTP/1.1", "Host: a.test"), "bad_line"],
		["NUL in the path", head("GET /\0 HTTP/1.1", "Host: a.test"), "bad_control"],
		["something behind a request that is none", `${GET}\x01`, "bad_line"],
		["a chunk's size that is none", `${head("POST / HTTP/1.1", "Transfer-Encoding: chunked")}x\r\n`, "bad_chunk"],
		[
			"a line feed alone behind a chunk's size",
			`${head("POST / HTTP/1.1", "Transfer-Encoding: chunked")}0;a\n\r\n`,
			"bad_chunk",
		],
	])("%s", (_, text, reason) => {
		expect(read(`${text}GET /next HTTP/1.1\r\nHost: c.test\r\n\r\n`)).toMatchObject({ end: "broken", reason });
	});

	test("a head of more than 16 kB", () => {
		const fill = (bytes: number) => head("GET / HTTP/1.1", "Host: a.test", `X: ${"x".repeat(bytes)}`);
		const around = fill(0).length;
		expect(read(fill(16_384 - around))).toMatchObject({ requests: [{ name: "a.test" }], end: null });
		expect(read(fill(16_385 - around))).toMatchObject({ requests: [], end: "broken", reason: "too_long" });
	});
});

describe("the next request is found behind", () => {
	const next = { name: "a.test", path: "/a" };
	test.each([
		["a request", GET],
		["a body", `${head("POST / HTTP/1.1", "Host: b.test", "Content-Length: 18")}GET / HTTP/1.1\r\n\r\n`],
		["a body of nothing", head("POST / HTTP/1.1", "Content-Length: 0")],
		[
			"chunks",
			`${head("POST / HTTP/1.1", "Transfer-Encoding: Chunked")}5\r\nhello\r\n12;a="b"\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n`,
		],
		["trailers", `${head("POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked")}1\r\nx\r\n0\r\nHost: c.test\r\n\r\n`],
		["an upgrade that came to nothing", head("GET / HTTP/1.1", "Host: b.test", "Upgrade: websocket")],
		["a tunnel that was refused", head("CONNECT b.test:443 HTTP/1.1")],
	])("%s", (_, before) => {
		const { requests, end } = read(`${before}${GET}`);
		expect(requests).toHaveLength(2);
		expect(requests[1]).toMatchObject({ ...next, at: before.length + GET.length });
		expect(end).toBeNull();
	});

	test.each([
		["a tunnel", head("CONNECT a.test:443 HTTP/1.1"), "\x16\x03\x01"],
		["an upgrade", head("GET / HTTP/1.1", "Host: a.test", "upgrade: websocket"), "\x81\x05hello"],
	])("%s: something else", (_, before, then) => {
		expect(read(`${before}${then}`)).toMatchObject({ requests: [{ name: "a.test" }], end: "switched" });
	});
});

describe("not HTTP/1", () => {
	test.each([
		["SSH", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"],
		["SMTP", "EHLO a.test\r\n"],
		["IMAP", "a1 LOGIN user password\r\n"],
		["SIP", "REGISTER sip:a.test SIP/2.0\r\n"],
		["bytes", "\x16\x03\x01\x02"],
		["a long word", `${"a".repeat(400)}\n`],
		["a word of 16 kB", "a".repeat(16_385)],
		["memcached", "get /a\r\n"],
		["NATS", 'CONNECT {"verbose":false,"name":"a HTTP"}\r\nPING\r\n'],
		["git", "0032git-upload-pack /a.git\0host=a.test\0\n"],
	])("%s", (_, text) => {
		expect(read(text)).toMatchObject({ requests: [], end: "other", flags: 0 });
	});

	test("HTTP/2 by prior knowledge is recognised", () => {
		expect(read("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).toMatchObject({
			requests: [],
			end: "other",
			flags: REQUEST_FLAG.h2c,
		});
	});
});

test("an incomplete head is pending, an incomplete body is not", () => {
	const isPending = (text: string) => read(text).isPending;
	expect(["", "G", "GET / HT", GET.slice(0, -1)].map(isPending)).toEqual([false, true, true, true]);
	expect([GET, `${head("POST / HTTP/1.1", "Content-Length: 9")}x`].map(isPending)).toEqual([false, false]);
});

test("methods and paths are truncated to the space available", () => {
	const { requests } = read(head(`${"M".repeat(32)} /${"p".repeat(300)} HTTP/1.1`, `Host: ${"h".repeat(300)}`));
	expect(requests).toMatchObject([{ method: "M".repeat(16), path: `/${"p".repeat(255)}`, name: "h".repeat(256) }]);
});

test("the result does not depend on the segments", () => {
	const parts = fc.constantFrom(
		...[
			GET,
			"GET ",
			"/a",
			" HTTP/1.1",
			"\r\n",
			"\n",
			"\r",
			"\r\n\r\n",
			"Host: ",
			"a.test",
			":80",
			" ",
			"\t",
			",",
			"@",
			"[",
			"]",
			"\0",
		],
		...[
			"Content-Length: ",
			"5",
			"Transfer-Encoding: ",
			"chunked",
			"0\r\n",
			"Upgrade: x",
			"CONNECT ",
			"http://",
			"PRI * HTTP/2",
			"\x16",
		],
		"X".repeat(70),
	);
	fc.assert(
		fc.property(fc.array(parts, { maxLength: 14 }), fc.integer({ min: 1, max: 90 }), (some, size) => {
			const bytes = Buffer.from(some.join(""), "latin1");
			if (bytes.length === 0) return;
			const whole = readHttp(user, [bytes]);
			expect(readHttp(user, cut(bytes, size))).toEqual(whole);
			expect(readHttp(kernel, cut(bytes, size))).toEqual(whole);
		}),
		{ numRuns: 2000 },
	);
});

test.each([
	["HTTP/1.1 200 OK\r\n", 200],
	["HTTP/1.0 404", 404],
	["HTTP/1.1 40", null],
	["HTTP/2.0 200 OK", null],
	["HTTP/1.1  200", null],
	["220 mail.test", null],
])("the status of %j is %s", (text, status) => {
	const bytes = Buffer.from(text);
	for (const parse of [user, kernel])
		for (const size of [1, 5, 100]) expect(readStatus(parse, cut(bytes, size))).toBe(status);
});
