/** What a lenient server takes for a request is read or unread, never absent. Heads are mutated at random. */
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addon } from "../native/scratch.ts";
import { type HttpServers, namesRead, startServers } from "../support/http-servers.ts";
import { httpClassOf, inUserSpace, type Parse, readStream } from "../support/parse.ts";

/** Heads sent to each server, and heads given to the reference reader. */
const SENT = 600;
const READ = 20_000;
const SEED = 20_261_129;

let parse: Parse;
let servers: HttpServers;
beforeAll(async () => {
	parse = inUserSpace(addon);
	servers = await startServers();
});
afterAll(() => servers?.close());

/** Mostly the first of the values. */
const mostly = (usual: string, ...odd: string[]) =>
	fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });

const BLANKS = [" ", "\t", "\r", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x1f", "\x85", "\xa0"];
const METHODS = ["POST", "OPTIONS", "SOURCE", "get", "M-SEARCH", "PROXY", "CONNECT", "PRI", "A_B-C", "A".repeat(36)];
const TARGETS = [
	...[
		"/a",
		"/a b",
		"*",
		"a",
		"",
		"//x",
		"/\x00",
		"/\x16",
		"/\xff",
		"http://bad.test/",
		"HTTP://bad.test",
		"rtsp://bad.test/a",
	],
	...["http://good.test@bad.test/", "bad.test:443", "?a", "/a?b#c", "/%00"],
];
const VERSIONS = [
	...["HTTP/1.0", "HTTP/0.9", "HTTP/1.10", "HTTP/01.1", "HTTP/2.0", "http/1.1", "RTSP/1.0", "ICE/1.0", "HTTP/1.1 "],
	...["HTTP/1.", "HTTX/1.1", "x HTTP/1.1", "", " HTTP/1.1"],
];
const FIELDS = ["host:bad.test", "Host : bad.test", "X: y", "\tHost: bad.test", "Host\r: x", "a b"];

const head = fc
	.record({
		before: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(fc.constantFrom(...BLANKS), { maxLength: 3 })),
		method: mostly("GET", ...METHODS),
		first: mostly(" ", "  ", ...BLANKS),
		target: mostly("/", ...TARGETS),
		second: mostly(" ", "  ", ...BLANKS),
		version: mostly("HTTP/1.1", ...VERSIONS),
		end: mostly("\r\n", "\n", "\r\r\n"),
		fields: fc.array(mostly("Host: bad.test", ...FIELDS), { minLength: 1, maxLength: 2 }),
		last: mostly("\r\n", "\n", ""),
		change: fc.oneof(
			{ weight: 2, arbitrary: fc.constant(null) },
			fc.tuple(fc.nat(60), fc.integer({ min: 0, max: 255 })),
		),
	})
	.map(({ before, method, first, target, second, version, end, fields, last, change }) => {
		const line = `${before.join("")}${method}${first}${target}${second}${version}${end}`;
		const bytes = Buffer.from(line + fields.map((each) => each + end).join("") + last, "latin1");
		if (change !== null && change[0] < bytes.length) bytes[change[0]] = change[1];
		return bytes;
	});

const classOf = (bytes: Buffer) => httpClassOf(readStream(parse, [bytes]));

test(`of ${SENT} heads no server answers one that is absent`, { timeout: 120_000 }, async () => {
	const heads = fc.sample(head, { numRuns: SENT, seed: SEED });
	const counts = new Map<string, number>();
	const absent: string[] = [];
	for (const server of servers.all)
		for (let at = 0; at < heads.length; at += 40)
			await Promise.all(
				heads.slice(at, at + 40).map(async (bytes) => {
					const names = await namesRead(server, bytes);
					const key = `${names.length > 0 ? "answered" : "refused"} by ${server.name}, ${classOf(bytes)}`;
					counts.set(key, (counts.get(key) ?? 0) + 1);
					if (names.length > 0 && classOf(bytes) === "absent")
						absent.push(`${server.name}: ${JSON.stringify(bytes.toString("latin1"))}`);
				}),
			);
	console.info(Object.fromEntries([...counts].sort()));
	expect(absent).toEqual([]);
	for (const server of servers.all) expect(counts.get(`answered by ${server.name}, read`)).toBeGreaterThan(SENT / 100);
});

test(`of ${READ} heads a lenient reader finds no request in one that is absent`, () => {
	let found = 0;
	fc.assert(
		fc.property(head, (bytes) => {
			if (!isRequestToSome(bytes)) return;
			found++;
			expect(classOf(bytes), JSON.stringify(bytes.toString("latin1"))).not.toBe("absent");
		}),
		{ numRuns: READ, seed: SEED },
	);
	expect(found).toBeGreaterThan(READ / 10);
});

/** The union of the request lines that nginx, Node, and Python's http.server read. */
function isRequestToSome(bytes: Buffer): boolean {
	const text = bytes.toString("latin1");
	const line = /^[\r\n]*([^\n]*)\n/.exec(text)?.[1] ?? "";
	const spaced = [...BLANKS, "\x1d", "\x1e"].reduce((rest, each) => rest.replaceAll(each, " "), line);
	const words = spaced.split(" ").filter((word) => word !== "");
	const [verb = "", second = ""] = words;
	if (!/^[\w!#$%&'*+.^`|~-]+$/.test(verb) || line.includes("\x16")) return false;
	if (words.length === 2) return verb === "GET" || second.includes("://");
	return words.length > 2 && /^(HTTP|RTSP|ICE)\/\d/.test(words.at(-1) ?? "");
}
