/** Queries of the file return the same as testing every connection, whether sealed or not, also after late changes. */

import type { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TopField } from "../../../src/records/contract.ts";
import { HANDLERS } from "../../../src/store/requests.ts";
import { engine, holds, keyOf, randomConnections, selected } from "./engine.ts";
import { decision, made, scratch, type Words } from "./fixture.ts";

const START = Date.UTC(2026, 0, 31) * 1000;
const STEP = 2_000_000;
const COUNT = 600;
const at = (share: number) => (START + COUNT * STEP * share) / 1000;

const FILTERS: readonly Words[] = [
	{},
	{ since: at(0.5) },
	{ until: at(0.3) },
	{ since: at(0.2), until: at(0.25) },
	{ since: at(0.97) },
	{ kind: "dns" },
	{ open: "true" },
	{ open: "false", since: at(0.8) },
	{ verdict: "deny" },
	{ verdict: "allow", unit: "a.service" },
	{ name: "a.host1.example.com" },
	{ name: "A.HOST1.example.com." },
	{ name: "*.host1.example.com", since: at(0.4) },
	{ name: "**.example.org", verdict: "would_deny" },
	{ name: "*host3*" },
	{ name: "**" },
	{ name: "*" },
	{ name: "*.com" },
	{ name: "a*.example.com" },
	{ name: ["a.host1.example.com", "b.host2.example.com", "nobody.example.com"] },
	{ name: ["**.host1.example.com", "*org"], "not-name": "a.b.*" },
	{ "not-name": "**.example.com" },
	{ "not-name": "a.host1.example.com" },
	{ "not-name": "*" },
	{ "not-name": ["*host1*", "*host2*"], verdict: ["deny", "would_deny"] },
	{ name: "nobody.example.com" },
	{ address: "10.1.0.7" },
	{ address: "10.1.0.0/28", port: "443" },
	{ address: "10.0.0.0/8" },
	{ address: "0.0.0.0/0", since: at(0.5) },
	{ address: "2001:db8::/32" },
	{ port: "80-443", protocol: "udp" },
	{ process: "curl" },
	{ process: "12" },
	{ process: ["12", "wget"] },
	{ "not-process": ["12", "wget"] },
	{ process: ["10", "11", "12", "13"], "not-process": "12" },
	{ "not-process": "curl" },
	{ exe: ["/usr/bin/c*", "node"] },
	{ "not-unit": "a.service" },
	{ unit: ["a.*", "b.service"], "not-user": "agent" },
	{ "not-container": "0123", "not-port": ["443", "8000-9000"] },
	{ address: ["10.1.0.7", "2001:db8::5"] },
	{ address: ["10.1.0.0/28", "2001:db8::/32"] },
	{ "not-address": "10.0.0.0/8" },
	{ protocol: ["6", "udp"] },
	{ "not-protocol": "tcp" },
	{ "not-verdict": "allow" },
	{ "not-verdict": "deny", "not-phase": "connect" },
	{ phase: "dns" },
	{ rule: ["a*", "later"] },
	{ "not-rule": "api", "not-group": "mail" },
	{ process: "/usr/bin/node", since: at(0.1), until: at(0.9) },
	{ exe: "wget", user: "agent" },
	{ user: "0" },
	{ container: "01234" },
	{ rule: "api" },
	{ group: "mail", rule: "smtp", verdict: "deny" },
	{ name: "**.example.com", process: "curl", port: "443", address: "10.0.0.0/8", since: at(0.1) },
];

/** Most rows are sealed; then some of them change, and late ones arrive. */
function scene(folder: string) {
	const file = engine(folder);
	const all = randomConnections(COUNT, 7, START, STEP);
	for (let index = 0; index < COUNT; index += 50) {
		/* Every 20th is written late. */
		file.write(all.slice(index, index + 50).filter((_, inner) => inner % 20 !== 19));
		if (index < COUNT * 0.8) file.seal();
	}
	for (const [index, connection] of all.entries()) {
		if (index % 20 !== 3) continue;
		connection.ended = true;
		connection.end = 2;
		connection.bytesOut += 1_000;
		connection.last += 5_000;
		if (index % 40 === 3) connection.decide(decision(2, { group: "web", name: "later" }));
		if (index % 60 === 3) connection.name = "late.example.com";
	}
	file.write(all.filter((_, index) => index % 20 === 3 || (index % 50) % 20 === 19));
	return { file, all };
}

/** Shared by tests that only read. */
let folder: ReturnType<typeof scratch>;
let shared: ReturnType<typeof scene>;
beforeAll(() => {
	folder = scratch();
	shared = scene(folder.folder);
});
afterAll(() => {
	shared.file[Symbol.dispose]();
	folder[Symbol.dispose]();
});

test("the scene has spans, segments, unsealed rows and late rows", () => {
	const { file, all } = shared;
	const count = (sql: string) => (file.database.prepare(sql).get() as { n: number }).n;
	expect(count("SELECT count(*) AS n FROM span")).toBeGreaterThan(2);
	expect(count("SELECT count(*) AS n FROM segment WHERE span = 0")).toBeGreaterThan(0);
	expect(count(`SELECT count(*) AS n FROM connection WHERE id >= ${file.segments.sealed}`)).toBeGreaterThan(50);
	expect(count("SELECT count(*) AS n FROM connection")).toBe(all.length);
	expect(file.records.rows).toBe(all.length);
	expect(count(`SELECT sum(n) AS n FROM top_name WHERE level = 0`)).toBe(
		count(`SELECT count(*) AS n FROM connection WHERE id < ${file.segments.sealed}`),
	);
});

test.for(FILTERS.map((filter) => [JSON.stringify(filter), filter] as const))("rows of %s", ([, filter]) => {
	const { file, all } = shared;
	const expected = all
		.filter((connection) => holds(connection, filter))
		.map(({ id }) => id)
		.sort((a, b) => b - a);
	expect(file.query(filter).rows.map(({ id }) => id)).toEqual(expected);
	expect(file.query(filter, "first").rows.map(({ id }) => id)).toEqual(expected.toReversed());
	const byBytes = file.query(filter, "-bytesOut").rows;
	expect(byBytes.map(({ id }) => id).sort((a, b) => b - a)).toEqual(expected);
	expect(byBytes.map(({ bytesOut }) => bytesOut)).toEqual(
		byBytes.map(({ bytesOut }) => bytesOut).sort((a, b) => b - a),
	);
});

const GROUPS: readonly (readonly TopField[])[] = [
	["name"],
	["unit"],
	["address"],
	["verdict"],
	["rule", "verdict"],
	["name", "unit"],
	["port", "process"],
	["address", "name"],
];
const TOP_FILTERS = FILTERS.filter(({ since }) => since === undefined).concat(
	{ since: at(0.5) },
	{ since: at(0.2), until: at(0.25) },
	{ since: at(0.31), until: at(0.95), verdict: "deny" },
	{ since: at(0.99) },
);

test.for(TOP_FILTERS.map((filter) => [JSON.stringify(filter), filter] as const))("top of %s", ([, filter]) => {
	const { file, all } = shared;
	const { since, ...rest } = filter;
	const rows = all.filter((c) => holds(c, rest) && (since === undefined || c.id >= since * 1000));
	for (const groupBy of GROUPS) {
		const expected = new Map<
			string,
			{ count: number; denied: number; wouldDeny: number; bytesOut: number; bytesIn: number }
		>();
		for (const c of rows) {
			const key = JSON.stringify(groupBy.map((field) => keyOf(c, field)));
			const sum = expected.get(key) ?? { count: 0, denied: 0, wouldDeny: 0, bytesOut: 0, bytesIn: 0 };
			sum.count++;
			sum.denied += c.verdict === 2 ? 1 : 0;
			sum.wouldDeny += c.verdict === 3 ? 1 : 0;
			sum.bytesOut += c.bytesOut;
			sum.bytesIn += c.bytesIn;
			expected.set(key, sum);
		}
		const found = file
			.top(groupBy, filter)
			.map(
				({ key, first: _first, last: _last, ...sum }) =>
					[JSON.stringify(groupBy.map((field) => key[field])), sum] as const,
			);
		expect(new Map(found), groupBy.join()).toEqual(expected);
		expect(found.map(([, { count }]) => count)).toEqual(found.map(([, { count }]) => count).sort((a, b) => b - a));
	}
});

test("pages stay right while rows arrive, are sealed and change", () => {
	using folder = scratch();
	const { file, all } = scene(folder.folder);
	using _ = file;
	for (const sort of ["-first", "first"] as const) {
		const before = new Set(file.query({ name: "**.example.com" }).rows.map(({ id }) => id));
		const seen: number[] = [];
		let after: { value: number; id: number } | null = null;
		let fresh = START + COUNT * STEP * 2;
		do {
			const { rows, next } = page(file.database, sort, after);
			seen.push(...rows.map(({ id }) => id));
			after = next;
			/* A newer row, and one in the middle of the list. */
			file.write([
				made({ id: fresh, name: "new.example.com" }),
				made({ id: START + (fresh % (COUNT * STEP)), name: "mid.example.com" }),
			]);
			fresh += 7_777_777;
			file.seal();
			const changing = all[seen.length];
			if (changing !== undefined) {
				changing.bytesOut++;
				file.write([changing]);
			}
		} while (after !== null && seen.length < 5_000);
		expect(new Set(seen).size).toBe(seen.length);
		expect(seen).toEqual(seen.toSorted((a, b) => (sort === "first" ? a - b : b - a)));
		expect([...before].filter((id) => !seen.includes(id))).toEqual([]);
	}
});

test("a search that exceeds its time returns a short page, and the next page continues", () => {
	const { file } = shared;
	const seen: number[] = [];
	let after: { value: number; id: number } | null = null;
	let pages = 0;
	do {
		const { rows, next } = page(file.database, "-first", after, -1);
		seen.push(...rows.map(({ id }) => id));
		after = next;
		pages++;
	} while (after !== null && pages < 1_000);
	expect(seen).toEqual(file.query({ name: "**.example.com" }).rows.map(({ id }) => id));
	expect(pages).toBeGreaterThan(5);
});

function page(
	database: DatabaseSync,
	sort: "first" | "-first",
	after: { value: number; id: number } | null,
	budget = 10_000,
) {
	return HANDLERS.query(database, { ...selected({ name: "**.example.com" }), sort, limit: 17, after, budget });
}

test("a query with as many values as the API lets pass stays within the limits of SQLite", () => {
	const { file, all } = shared;
	const many = (value: (index: number) => string) => Array.from({ length: 100 }, (_, index) => value(index));
	const words: Words = {
		address: ["10.0.0.0/8", ...many((index) => `10.9.${index}.0/24`)],
		"not-address": many((index) => `10.8.0.${index}`),
		port: ["443", ...many((index) => `${index * 2}-${index * 2 + 1}`)],
		"not-port": many((index) => `${20_000 + index}`),
		"not-name": many((index) => `*x${index}*`),
		"not-process": many((index) => String(90_000 + index)),
		since: at(0.1),
		until: at(0.93),
	};
	const expected = all.filter((connection) => holds(connection, words));
	expect(expected.length).toBeGreaterThan(50);
	expect(file.query(words).rows).toHaveLength(expected.length);
	expect(file.query(words, "-bytesOut").rows).toHaveLength(expected.length);
	const began = expected.filter(({ id }) => id >= at(0.1) * 1000).length;
	for (const groupBy of [["verdict"], ["name", "port"]] as const)
		expect(file.top(groupBy, words).reduce((sum, { count }) => sum + count, 0)).toBe(began);
});
