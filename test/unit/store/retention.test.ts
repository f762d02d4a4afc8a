/** Records that are too old or too many are deleted in small steps. Open connections stay, and answers stay correct. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Retention } from "../../../src/store/retention.ts";
import { engine, SMALL } from "./engine.ts";
import { DAY, made, opened, scratch, someProcess, until } from "./fixture.ts";

const NOW = Date.now();

function retention(file: ReturnType<typeof engine>, options: { readonly maxAge?: number; readonly maxBytes?: number }) {
	return new Retention({
		database: file.database,
		records: file.records,
		maxAge: 30 * DAY,
		maxBytes: 1024 ** 3,
		now: () => NOW,
		...options,
	});
}

const names = (file: ReturnType<typeof engine>, table: string) =>
	(file.database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;

test("by age: rows, entries, sums and names are deleted; open and active connections stay", () => {
	using folder = scratch();
	using file = engine(folder.folder);
	const hour = 3_600_000;
	const connections = Array.from({ length: 40 * 24 }, (_, index) =>
		made({
			id: (NOW - 40 * DAY + index * hour) * 1000,
			cookie: index + 1,
			name: `day${Math.floor(index / 24)}.example.com`,
			process: someProcess(index + 1),
			ended: index !== 30,
			lasted: index === 50 ? 39 * DAY : 1,
		}),
	);
	file.write(connections);
	file.seal();
	const it = retention(file, {});
	let steps = 0;
	while (it.step()) steps++;
	expect(steps).toBeGreaterThan(5);
	const rows = file.query({}, "first").rows;
	expect(rows.slice(0, 3).map(({ id }) => id)).toEqual([connections[30]?.id, connections[50]?.id, rows[2]?.id]);
	/* At most one segment (40 rows) more than a month. */
	expect(rows.length).toBeGreaterThanOrEqual(30 * 24);
	expect(rows.length).toBeLessThanOrEqual(30 * 24 + 42);
	expect(file.records.rows).toBe(rows.length);
	expect(it.expired).toBe(connections.length - rows.length);
	expect(names(file, "name")).toBeLessThanOrEqual(34);
	expect(names(file, "process")).toBeLessThanOrEqual(30 * 24 + 45);
	expect(rows.every(({ name, process }) => name !== null && process !== null)).toBe(true);
	const segments = names(file, "segment");
	for (const table of ["by_name", "by_workload", "by_steps", "by_remote"])
		expect(names(file, `(SELECT DISTINCT segment FROM ${table})`), table).toBe(segments);
	const counted = file.top(["name"]).reduce((sum, { count }) => sum + count, 0);
	expect(counted).toBe(rows.length - 2);
	/* They are deleted once they have ended. */
	const open = connections[30];
	if (open === undefined) throw new Error("not there");
	open.ended = true;
	open.last = NOW - 35 * DAY;
	file.write([open]);
	while (it.step());
	expect(file.query({}, "first").rows[0]?.id).toBe(connections[50]?.id);
	/* A deleted name is inserted again when it is seen again. */
	file.write([made({ id: NOW * 1000, name: "day0.example.com" })]);
	expect(file.query({ name: "day0.example.com" }).rows).toHaveLength(1);
});

test("by size: the oldest are deleted, and the file stays below its limit and shrinks", () => {
	using folder = scratch();
	using file = engine(folder.folder, { ...SMALL, rows: 1_000, span: 4 });
	const maxBytes = 4 * 1024 * 1024;
	const it = retention(file, { maxBytes });
	const path = join(folder.folder, "history.db");
	let most = 0;
	for (let batch = 0; batch < 60; batch++) {
		file.write(
			Array.from({ length: 1_000 }, (_, index) => {
				const id = (NOW - DAY) * 1000 + (batch * 1_000 + index) * 10_000;
				return made({ id, cookie: batch * 1_000 + index + 1, name: `n${id % 977}.example.com` });
			}),
		);
		while (it.step());
		most = Math.max(most, statSync(path).size);
	}
	expect(most).toBeLessThanOrEqual(maxBytes);
	expect(file.records.rows).toBeGreaterThan(5_000);
	expect(file.records.rows).toBe(names(file, "connection"));
	expect(file.records.rows + it.expired).toBe(60_000);
	const rows = file.query({}, "-first").rows;
	expect(rows[0]?.id).toBe((NOW - DAY) * 1000 + 59_999 * 10_000);
	expect(file.top(["verdict"])[0]?.count).toBe(file.records.rows);
	/* With a smaller limit at the next start, free pages are returned to the disk. */
	const smaller = retention(file, { maxBytes: maxBytes / 2 });
	while (smaller.step());
	file.database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
	expect(statSync(path).size).toBeLessThanOrEqual(maxBytes / 2);
});

test("through the threads: expired rows are reported, and writing continues", async () => {
	using folder = scratch();
	await using history = opened({ file: join(folder.folder, "history.db"), maxAge: 3_600_000 });
	for (let index = 0; index < 3_000; index++)
		history.record(made({ id: (NOW - 2 * DAY) * 1000 + index * 1e6, cookie: index + 1 }));
	history.record(made({ id: NOW * 1000, cookie: 9_999 }));
	await history.flush();
	await until("expired", () => history.status().expired === 3_000);
	expect(history.status()).toMatchObject({ rows: 1, oldest: NOW, failure: null });
	expect((await history.query({})).rows).toHaveLength(1);
});
