import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { BatchWriter } from "../../../src/store/batch-writer.ts";
import { migrate, openForWriting } from "../../../src/store/database.ts";
import { MIGRATIONS } from "../../../src/store/tables.ts";
import { filterOf, made, opened, scratch, until } from "./fixture.ts";

const NOW = Date.now() * 1000;
/** Columns of the first version. */
const COLUMNS =
	"id, cookie, kind, open, last, name, name_source, workload, process, steps, verdict, protocol, remote, port, local, local_port, " +
	"bytes_out, bytes_in, packets_out, packets_in, rtt, retransmits, end_how, ech, query_type, addresses";

test("a file of each older schema is migrated, and its records are found", async () => {
	for (let version = 1; version < MIGRATIONS.length; version++) {
		using folder = scratch();
		const file = join(folder.folder, "history.db");
		const old = openForWriting(file, 1024 ** 3, MIGRATIONS.slice(0, version));
		old.exec(`
			INSERT INTO name VALUES (1, 'old.example.com', 'com.example.old.', ${NOW}, ${NOW});
			INSERT INTO workload VALUES (1, 'curl', '/usr/bin/curl', 0, 'root', 'a.service', '', '', 'bash', ${NOW});`);
		const insert = old.prepare(
			`INSERT INTO connection (${COLUMNS}) VALUES (?, ?, 0, 0, ?, 1, 1, 1, 0, 0, 1, 6, x'c0000201', 443, x'0a000001', 1, 5, 6, 1, 1, 0, 0, 1, 0, 0, NULL)`,
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

test("other users can read neither the file nor its log, also while it is written and under a lenient umask", async () => {
	using folder = scratch();
	const file = join(folder.folder, "below", "history.db");
	const umask = process.umask(0);
	try {
		await using history = opened({ file });
		history.record(made({ id: NOW, name: "a.example.com" }));
		await history.flush();
		const names = readdirSync(dirname(file)).sort();
		expect(names).toEqual(["history.db", "history.db-shm", "history.db-wal"]);
		for (const name of names) expect(modeOf(join(dirname(file), name)), name).toBe(0o600);
		expect(modeOf(dirname(file))).toBe(0o750);
	} finally {
		process.umask(umask);
	}
});

test("other users lose their access to files that were restored or copied with it", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	openForWriting(file, 1024 ** 3).close();
	const restored = {
		"history.db": 0o644,
		"history.db-wal": 0o666,
		"history.db.corrupt-2026": 0o644,
		"history.db.bak": 0o604,
	};
	for (const [name, mode] of Object.entries(restored)) {
		if (name !== "history.db") writeFileSync(join(folder.folder, name), "");
		chmodSync(join(folder.folder, name), mode);
	}
	writeFileSync(join(folder.folder, "policy.yaml"), "", { mode: 0o644 });
	await using history = opened({ file });
	history.record(made({ id: NOW, name: "a.example.com" }));
	await history.flush();
	for (const name of readdirSync(folder.folder).filter((each) => each.startsWith("history.db"))) {
		expect(modeOf(join(folder.folder, name)) & 0o007, name).toBe(0);
	}
	expect(modeOf(join(folder.folder, "history.db"))).toBe(0o640);
	expect(modeOf(join(folder.folder, "policy.yaml"))).toBe(0o644);
	expect(history.failures).toEqual([]);
});

test("a file that has become corrupt is set aside where other users cannot read it", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	writeFileSync(file, "not a database ".repeat(1_000), { mode: 0o644 });
	await using history = opened({ file });
	history.record(made({ id: NOW, name: "a.example.com" }));
	await history.flush();
	const names = readdirSync(folder.folder);
	expect(names.some((name) => name.includes("corrupt-"))).toBe(true);
	for (const name of names) expect(modeOf(join(folder.folder, name)) & 0o007, name).toBe(0);
});

test("secrets that an earlier version stored are redacted", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	const old = openForWriting(file, 1024 ** 3, MIGRATIONS.slice(0, 4));
	const insert = old.prepare("INSERT INTO process VALUES (?, ?, 0, 1, 1, ?, 0)");
	for (let id = 1; id <= 500; id++) insert.run(id, id, `mysql\0-u\0root\0-phunter2-${id}`);
	insert.run(501, 501, "curl\0https://x.example");
	old.close();
	openForWriting(file, 1024 ** 3).close();
	using database = new DatabaseSync(file);
	const rows = database.prepare("SELECT args, count(*) AS n FROM process GROUP BY args ORDER BY args").all();
	expect(rows).toEqual([
		{ args: "curl\0https://x.example", n: 1 },
		{ args: "mysql\0-u\0root\0-p***", n: 500 },
	]);
});

const modeOf = (file: string) => statSync(file).mode & 0o777;
