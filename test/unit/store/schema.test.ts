import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { BatchWriter } from "../../../src/store/batch-writer.ts";
import { migrate, openForWriting } from "../../../src/store/database.ts";
import { MIGRATIONS } from "../../../src/store/tables.ts";
import { filterOf, made, opened, scratch, until } from "./fixture.ts";

const NOW = Date.now() * 1000;

test("a file of each older schema is migrated, and its records are found", async () => {
	for (let version = 1; version < MIGRATIONS.length; version++) {
		using folder = scratch();
		const file = join(folder.folder, "history.db");
		const old = openForWriting(file, 1024 ** 3, MIGRATIONS.slice(0, version));
		old.exec(`
			INSERT INTO name VALUES (1, 'old.example.com', 'com.example.old.', ${NOW}, ${NOW});
			INSERT INTO workload VALUES (1, 'curl', '/usr/bin/curl', 0, 'root', 'a.service', '', '', 'bash', ${NOW});`);
		const insert = old.prepare(
			`INSERT INTO connection VALUES (?, ?, 0, 0, ?, 1, 1, 1, 0, 0, 1, 6, x'c0000201', 443, x'0a000001', 1, 5, 6, 1, 1, 0, 0, 1, 0, 0, NULL)`,
		);
		old.exec("BEGIN");
		for (let index = 0; index < 20_000; index++) insert.run(NOW - 2e10 + index * 1_000, index, NOW);
		old.exec("UPDATE meta SET value = 20000 WHERE key = 'rows'; COMMIT");
		expect(old.prepare("PRAGMA user_version").get()).toEqual({ user_version: version });
		old.close();
		await using history = opened({ file });
		await until("open", () => history.status().state === "writing");
		expect(history.status().rows).toBe(20_000);
		history.record(made({ id: NOW, name: "old.example.com" }));
		await history.flush();
		expect((await history.query({ filter: filterOf({ name: "old.example.com" }), limit: 10 })).rows).toHaveLength(10);
		expect(await history.top({ groupBy: ["name"] })).toMatchObject([
			{ key: { name: "old.example.com" }, count: 20_001 },
		]);
		expect(history.failures).toEqual([]);
		await history.close();
		using database = new DatabaseSync(file);
		expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: MIGRATIONS.length });
		/* The writer has sealed the rows of the older version. */
		const { rows } = database.prepare("SELECT sum(rows) AS rows FROM segment").get() as { rows: number };
		expect(rows).toBeGreaterThanOrEqual(16_384);
	}
	expect(MIGRATIONS.length).toBeGreaterThan(1);
});

test("a migration that fails leaves the file as it was", () => {
	using folder = scratch();
	const database = openForWriting(join(folder.folder, "history.db"), 1024 ** 3);
	const broken = [
		...MIGRATIONS,
		(to: DatabaseSync) => {
			to.exec("CREATE TABLE half (a)");
			throw new Error("the power failed");
		},
	];
	expect(() => migrate(database, broken)).toThrow("the power failed");
	expect(database.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'half'").get()).toEqual({ n: 0 });
	expect(database.prepare("PRAGMA user_version").get()).toEqual({ user_version: MIGRATIONS.length });
	expect(new BatchWriter(database).rows).toBe(0);
	database.close();
});

test("only root can read the file", () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	openForWriting(file, 1024 ** 3).close();
	expect(statSync(file).mode & 0o777).toBe(0o600);
});
