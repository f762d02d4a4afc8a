/** Names, comm and arguments chosen by an attacker, in JSON, NDJSON, CSV and logs. */

import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jsonLogger } from "../../../src/base/logger.ts";
import { cell } from "../../../src/records/csv.ts";
import { openApi } from "../support/api.ts";
import { answer, cgroupEvent, hello, processEvent, question } from "../support/events.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

const NASTY = "=cmd|' /C calc'!A0\"\r\n\x1b[2J\x1b]0;owned\x07\u009b31m\u202egpj.exe<script>alert(1)</script>,x";
/* Control characters, escapes and characters that reorder a line. */
const HARMFUL = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

let harness: TableHarness;
let services: FakeServices;
let app: FastifyInstance;

beforeEach(async () => {
	harness = new TableHarness();
	services = new FakeServices(harness);
	harness.rules.set("1 0", { group: "=1+1", name: "@x" });
	const name = Buffer.from(NASTY.slice(0, 120)).toString("latin1");
	harness.feed(
		processEvent({ path: `${NASTY.replaceAll("/", "")}/tmp/`, args: `${NASTY}\0--x=${NASTY}`, comm: "=\x1b[2J\n@x" }),
		cgroupEvent(`system.slice/${NASTY.replaceAll("/", "")}.service/`),
		hello(name, { cookie: 1n, time: 1e9, rule: 0, reason: 1, nameHash: 3n }),
		question(name, 1, { cookie: 2n, time: 2e9, nameHash: 4n }),
		answer("192.0.2.7", { cookie: 2n, time: 2e9, nameHash: 4n }),
	);
	app = await openApi(services);
});
afterEach(() => app.close());

async function get(url: string, accept = "application/json"): Promise<string> {
	const response = await app.inject({ url, headers: { accept } });
	expect(response.statusCode, response.body).toBe(200);
	expect(response.headers["x-content-type-options"]).toBe("nosniff");
	expect(response.headers["content-security-policy"]).toBeDefined();
	return response.body;
}

test.each(["/v1/connections", "/v1/connections/1", "/v1/top?by=process,name", "/v1/top?by=exe,unit", "/v1/names"])(
	"%s is harmless JSON, as text and when parsed",
	async (url) => {
		const body = await get(url);
		expect(body).not.toMatch(HARMFUL);
		for (const text of stringsOf(JSON.parse(body))) expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
	},
);

test("a line of NDJSON is a record, whatever its strings contain", async () => {
	const lines = (await get("/v1/connections", "application/x-ndjson")).trimEnd().split("\n");
	expect(lines.map((line) => (JSON.parse(line) as { id: number }).id)).toEqual([2, 1]);
});

test("a row of CSV is a record, and no cell is a formula", async () => {
	const body = await get("/v1/connections", "text/csv");
	expect(body.replaceAll("\r\n", "")).not.toMatch(HARMFUL);
	const rows = body.trimEnd().split("\r\n").map(cellsOf);
	expect(rows.map(({ length }) => length)).toEqual([49, 49, 49]);
	for (const text of rows.flat()) expect(text).not.toMatch(/^\s*[=+\-@|%]/u);
	expect(rows[1]?.[5]).toMatch(/^'=/);
});

test.each([
	["=1+1", "'=1+1"],
	["+1", "'+1"],
	["-1", "'-1"],
	["@SUM(A1)", "'@SUM(A1)"],
	["  =1", '"\'  =1"'],
	["＝1", "'＝1"],
	['a"b', '"a""b"'],
	["a,b", '"a,b"'],
	["a;b", '"a;b"'],
	["plain", "plain"],
	[-5, "-5"],
	[null, ""],
	[true, "true"],
])("the cell %j is %s", (value, text) => {
	expect(cell(value)).toBe(text);
});

test("a hostile request is harmless in the response and in the log", async () => {
	const lines: string[] = [];
	services.unhealthyReason = () => {
		throw new Error(NASTY);
	};
	const other = await openApi(services, { log: jsonLogger((line) => lines.push(line)) });
	const nasty = encodeURIComponent(NASTY);
	for (const url of [
		`/v1/${nasty}`,
		`/v1/connections?${nasty}=1`,
		`/v1/connections?address=${nasty}`,
		`/v1/connections?since=${nasty}`,
		`/v1/connections?cursor=${nasty}`,
		`/v1/names/${nasty}`,
		`/healthz?${nasty}`,
	]) {
		const { body, headers, statusCode } = await other.inject(url);
		expect(statusCode, url).toBeGreaterThanOrEqual(400);
		expect(headers["content-type"]).toBe("application/problem+json");
		expect(body, url).not.toMatch(HARMFUL);
		for (const text of stringsOf(JSON.parse(body))) expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
	}
	expect(lines).not.toEqual([]);
	for (const line of lines) expect(line.trimEnd()).not.toMatch(HARMFUL);
	await other.close();
});

function* stringsOf(value: unknown): Generator<string> {
	if (typeof value === "string") yield value;
	else if (typeof value === "object" && value !== null) {
		for (const [key, each] of Object.entries(value)) {
			yield key;
			yield* stringsOf(each);
		}
	}
}

/** One line of CSV (RFC 4180). */
function cellsOf(line: string): string[] {
	const cells: string[] = [];
	for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)) {
		cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
	}
	return cells;
}
