/** Query plans: no query of connections scans a whole table. The plans are printed for docs/decisions/0005-history.md. */

import type { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { TopField } from "../../../src/records/contract.ts";
import { earlierSql, rangeSql } from "../../../src/store/find.ts";
import { ASKED_BY, NAME_SUMS, prepareParts } from "../../../src/store/names-query.ts";
import { select } from "../../../src/store/selection.ts";
import { topSql } from "../../../src/store/top-query.ts";
import { engine, randomConnections, selected } from "./engine.ts";
import { scratch, type Words } from "./fixture.ts";

const START = Date.UTC(2026, 0, 31) * 1000;
const STEP = 2_000_000;
const since = (START + 300 * STEP) / 1000;

/* Small tables, and the temporary ones of one query, may be scanned. */
const SMALL =
	/^SCAN (CONSTANT ROW|[npksdwate]{1,2}$|temp\.selected_\w+|selected_\w+|temp\.parts|segment|given|\(subquery-\d+\)|workload|steps)/;

function plan(database: DatabaseSync, sql: string): string[] {
	const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as unknown as { detail: string }[];
	return rows.map(({ detail }) => detail);
}

function check(what: string, lines: readonly string[]): void {
	process.stdout.write(`${what}\n${lines.map((line) => `    ${line}\n`).join("")}`);
	const walks = lines.filter((line) => /^SCAN\b/.test(line) && !SMALL.test(line));
	expect(walks, what).toEqual([]);
}

function scene(folder: string) {
	const file = engine(folder);
	file.write(randomConnections(600, 3, START, STEP));
	file.seal();
	return file;
}

let folder: ReturnType<typeof scratch>;
let file: ReturnType<typeof scene>;
beforeAll(() => {
	folder = scratch();
	file = scene(folder.folder);
});
afterAll(() => {
	file[Symbol.dispose]();
	folder[Symbol.dispose]();
});

const LISTS: readonly (readonly [string, Words, by: string | null])[] = [
	["connections by time", {}, null],
	["connections by time, since", { since }, null],
	["connections by name and time", { name: "a.host1.example.com" }, "by_name"],
	["connections by name with wildcard, since", { name: "**.example.com", since }, "by_name"],
	["connections denied", { verdict: "deny" }, "by_steps"],
	["connections of a unit, denied", { unit: "a.service", verdict: "deny" }, "by_workload"],
	["connections by names, without another", { name: ["a.host1.example.com", "*host2*"], "not-name": "b.*" }, "by_name"],
	["connections without a name", { "not-name": "a.host1.example.com" }, null],
	["connections of a process", { process: "12" }, "by_workload"],
	["connections to addresses", { address: ["10.1.0.7", "10.1.0.8"] }, "by_remote"],
	["connections to an address", { address: "10.1.0.7" }, "by_remote"],
	["connections to a prefix and port", { address: "10.1.0.0/24", port: "443" }, "by_remote"],
];

test.for(LISTS)("%s", ([what, filter, by]) => {
	const query = selected(filter);
	const selection = select(file.database, query.terms);
	expect(selection.keys?.column ?? null).toBe(by?.slice(3) ?? null);
	const sealed = plan(file.database, rangeSql(selection, query.since, false, true));
	check(`${what}, in a segment`, sealed);
	expect(sealed.join("\n")).toContain(
		by === null ? "SEARCH connection USING INTEGER PRIMARY KEY" : `SEARCH ${by} USING PRIMARY KEY`,
	);
	const fresh = plan(file.database, rangeSql(selection, query.since, false, false));
	check(`${what}, not sealed`, fresh);
	expect(fresh.join("\n")).toContain("SEARCH connection USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)");
	check(`${what}, begun earlier`, plan(file.database, earlierSql(selection)));
});

const TOPS: readonly (readonly [string, readonly [TopField, TopField?], Words, table: string])[] = [
	["top by name", ["name"], {}, "top_name"],
	["top by name, since", ["name"], { since }, "top_name"],
	["top by unit, denied", ["unit"], { verdict: "deny", since }, "top_who"],
	["top by address", ["address"], {}, "top_remote"],
	["top by name and unit", ["name", "unit"], {}, "top_all"],
	["top by address of a name", ["address", "name"], { name: "a.host1.example.com" }, "by_name"],
];

test.for(TOPS)("%s", ([what, [one, two], filter, table]) => {
	const query = selected(filter);
	const selection = select(file.database, query.terms);
	const groupBy = two === undefined ? [one] : [one, two];
	const { sql } = topSql(file.database, selection, { ...query, groupBy, sort: "count", limit: 20 });
	const lines = plan(file.database, sql);
	check(what, lines);
	expect(lines.some((line) => new RegExp(`^SEARCH (${table}|e) USING PRIMARY KEY`).test(line))).toBe(true);
});

test("a name's sums and clients", () => {
	prepareParts(file.database);
	check("a name's sums", plan(file.database, NAME_SUMS));
	check("clients of a name", plan(file.database, ASKED_BY));
});

test("the check itself finds a scan", () => {
	const lines = plan(file.database, "SELECT id FROM connection WHERE name = 1");
	expect(() => check("a walk", lines)).toThrow();
});
