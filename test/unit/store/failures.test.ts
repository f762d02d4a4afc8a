/** Failures of the file and of its writer are reported, no written record is lost, and recording resumes. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import type { HistoryFailureCode } from "../../../src/records/history-status.ts";
import type { WriterData } from "../../../src/store/messages.ts";
import { ableAsRoot } from "../../support/able.ts";
import { made, opened, scratch, until } from "./fixture.ts";

const NOW = Date.now() * 1000;
const isAble = ableAsRoot();

test("a file that is no database, or a corrupt one, is moved aside, and a new history starts", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	writeFileSync(file, "not a database at all, but long enough to be looked at".repeat(100));
	writeFileSync(join(folder.folder, "history.db.corrupt-2020"), "an older one");
	await using history = opened({ file });
	history.record(made({ id: NOW }));
	await history.flush();
	expect(history.status()).toMatchObject({ rows: 1, state: "writing", failure: null, failures: 1 });
	expect(codes(history.failures)).toEqual(["corrupt", null]);
	expect(history.failures[0]?.message).toContain("was moved to");
	const aside = readdirSync(folder.folder).filter((each) => each.includes(".corrupt-"));
	expect(aside).toHaveLength(1);
	expect(readFileSync(join(folder.folder, aside[0] ?? ""), "utf8")).toContain("not a database");
});

test("a page corrupted during use is reported, the file is moved aside, and waiting records are in the new file", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	{
		await using history = opened({ file });
		for (let index = 0; index < 5_000; index++)
			history.record(made({ id: NOW + index, cookie: index + 1, name: `n${index}.example.com` }));
		await history.flush();
	}
	/* All pages but the first ones. */
	const size = statSync(file).size;
	const bytes = readFileSync(file);
	bytes.fill(0xaa, 8_192, size);
	writeFileSync(file, bytes);
	await using history = opened({ file });
	for (let index = 0; index < 10; index++)
		history.record(made({ id: NOW + 1e6 + index, cookie: 9_000 + index, name: `m${index}.example.com` }));
	await history.flush();
	expect(codes(history.failures)).toContain("corrupt");
	expect(history.failures.at(-1)).toBeNull();
	expect(history.status()).toMatchObject({ rows: 10, dropped: 0 });
	expect((await history.query({})).rows).toHaveLength(10);
});

test("a corrupt page that only the reader meets is found too", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	let writer: Worker | undefined;
	await using history = opened({ file }, (data) => {
		writer = startWriter(data);
		return writer;
	});
	for (let index = 0; index < 3_000; index++) history.record(made({ id: NOW + index, cookie: index + 1 }));
	await history.flush();
	/* Otherwise retention would find the page before the reader does. */
	await until("the writer rests", restsAlready(writer));
	/* After a checkpoint the pages are read from the file, not from the log. */
	const other = new DatabaseSync(file);
	const checkpoint = () => other.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number };
	await until("no one is in the way of it", () => checkpoint().busy === 0);
	const root = (
		other.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'connection'").get() as { rootpage: number }
	).rootpage;
	other.close();
	const bytes = readFileSync(file);
	/* The child pages as well: the reader may have cached the root page. */
	bytes.fill(0xaa, (root - 1) * 4_096);
	writeFileSync(file, bytes);
	const { rejected } = await history.query({ sort: "-bytesIn" }).then(
		() => ({ rejected: false }),
		() => ({ rejected: true }),
	);
	expect(rejected).toBe(true);
	await until("reported", () => codes(history.failures).includes("corrupt"));
	await until("it goes on", () => history.failures.at(-1) === null);
	history.record(made({ id: NOW + 1e6 }));
	await history.flush();
	expect((await history.query({})).rows).toHaveLength(1);
});

test("a locked file is reported, and its records are written when the lock is released", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	await using history = opened({ file });
	history.record(made({ id: NOW }));
	await history.flush();
	const other = new DatabaseSync(file, { timeout: 5_000 });
	other.exec("BEGIN IMMEDIATE");
	history.record(made({ id: NOW + 1 }));
	await until("reported", () => codes(history.failures).includes("locked"));
	/* Queries do not wait for the lock. */
	expect((await history.query({})).rows).toHaveLength(1);
	expect(history.status()).toMatchObject({ state: "waiting", waiting: 1 });
	expect(history.status().failure?.message).toContain(file);
	other.exec("COMMIT");
	other.close();
	await history.flush();
	expect(history.status()).toMatchObject({ state: "writing", rows: 2, failure: null });
});

test("a file that was deleted is created again", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	await using history = opened({ file });
	history.record(made({ id: NOW }));
	await history.flush();
	for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
	history.record(made({ id: NOW + 1 }));
	await history.flush();
	expect((await history.query({})).rows.map(({ id }) => id)).toEqual([NOW + 1]);
});

test("a later schema is not changed: history is off, with the reason", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	{
		await using history = opened({ file });
		history.record(made({ id: NOW }));
		await history.flush();
	}
	const other = new DatabaseSync(file);
	other.exec("PRAGMA user_version = 99");
	other.close();
	const before = readFileSync(file);
	await using history = opened({ file });
	history.record(made({ id: NOW + 1 }));
	await until("off", () => history.status().state === "off");
	history.record(made({ id: NOW + 2 }));
	expect(history.status()).toMatchObject({ state: "off", dropped: 2, waiting: 0, failure: { code: "newer_schema" } });
	expect(history.status().failure?.message).toMatch(/schema 99.*enforcement is not affected/);
	await expect(history.query({})).rejects.toThrow(/schema 99/);
	await history.flush();
	expect(readFileSync(file).equals(before)).toBe(true);
});

test("another program's database is not changed", async () => {
	using folder = scratch();
	const file = join(folder.folder, "history.db");
	const other = new DatabaseSync(file);
	other.exec("CREATE TABLE theirs (a)");
	other.close();
	await using history = opened({ file });
	await until("off", () => history.status().state === "off");
	expect(history.status().failure?.code).toBe("cannot_open");
});

test.runIf(isAble)("a full disk is reported, and waiting records are written when there is room", async () => {
	using folder = scratch();
	using mounted = tmpfs(folder.folder, "size=6m");
	const file = join(mounted.folder, "history.db");
	await using history = opened({ file });
	await until("open", () => history.status().state === "writing");
	const ballast = join(mounted.folder, "ballast");
	writeFileSync(ballast, Buffer.alloc(5 * 1024 * 1024));
	let id = NOW;
	const names = () => `${"x".repeat(50)}${id}.example.com`;
	for (let round = 0; round < 200 && !codes(history.failures).includes("disk_full"); round++) {
		for (let index = 0; index < 50; index++) history.record(made({ id: ++id, cookie: id - NOW, name: names() }));
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	expect(codes(history.failures)).toContain("disk_full");
	expect(history.status()).toMatchObject({ state: "waiting", dropped: 0 });
	const { rows } = history.status();
	/* Written records can still be read. */
	if (rows > 0) expect((await history.query({ limit: 1 })).rows).toHaveLength(1);
	rmSync(ballast);
	await history.flush();
	expect(history.status()).toMatchObject({ state: "writing", failure: null, rows: id - NOW, dropped: 0 });
	expect(history.failures.at(-1)).toBeNull();
	await history.close();
	using database = new DatabaseSync(file);
	expect(database.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
});

test.runIf(isAble)("a read-only directory is reported, and history starts once it is writable", async () => {
	using folder = scratch();
	using mounted = tmpfs(folder.folder, "size=20m,ro");
	await using history = opened({ file: join(mounted.folder, "history.db") });
	history.record(made({ id: NOW }));
	await until("reported", () => history.failures.length > 0);
	expect(["read_only", "cannot_open"]).toContain(history.status().failure?.code);
	await expect(history.query({})).rejects.toThrow();
	mount("-o", "remount,rw", mounted.folder);
	await history.flush();
	expect((await history.query({})).rows).toHaveLength(1);
});

function codes(failures: readonly ({ readonly code: HistoryFailureCode } | null)[]): (HistoryFailureCode | null)[] {
	return failures.map((failure) => failure?.code ?? null);
}

function startWriter(data: WriterData): Worker {
	return new Worker(new URL("../../../src/store/writer.ts", import.meta.url), { workerData: data });
}

/** True once the thread has used no CPU time since the previous call [ms]; a thread that waits for a CPU is not idle. */
function restsAlready(worker: Worker | undefined): () => boolean {
	let before = 0;
	return () => {
		const { active = 0 } = worker?.performance.eventLoopUtilization() ?? {};
		const rests = before > 0 && active - before < 1;
		before = active;
		return rests;
	};
}

function tmpfs(folder: string, options: string): { readonly folder: string; [Symbol.dispose](): void } {
	const target = join(folder, "mount");
	mkdirSync(target);
	mount("-t", "tmpfs", "-o", options, "sallyport-test", target);
	return { folder: target, [Symbol.dispose]: () => void spawnSync("umount", ["-l", target]) };
}

function mount(...args: string[]): void {
	const { status, stderr } = spawnSync("mount", args, { encoding: "utf8" });
	if (status !== 0) throw new Error(`mount ${args.join(" ")}: ${stderr}`);
}
