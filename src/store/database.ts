/** Opening the file, and what can be wrong with it. Used by the writer's thread; the reader opens what the writer made. */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statfsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { HistoryFailure, HistoryFailureCode } from "../records/contract.ts";
import { APPLICATION_ID, MIGRATIONS } from "./tables.ts";

/** A file that is not to be touched: another program's, or a later Sallyport's. Trying again is of no use. */
export class NotOurs extends Error {
	readonly code: HistoryFailureCode;

	constructor(code: HistoryFailureCode, message: string) {
		super(message);
		this.code = code;
	}
}

export function openForWriting(file: string, maxBytes: number, migrations = MIGRATIONS): DatabaseSync {
	mkdirSync(dirname(file), { recursive: true });
	const isNew = !existsSync(file);
	const database = new DatabaseSync(file, { timeout: BUSY });
	try {
		if (isNew) chmodSync(file, 0o600);
		checkVersion(database, file, migrations.length);
		/* Only a file without tables takes it; and only before its mode is WAL. */
		database.exec("PRAGMA auto_vacuum = INCREMENTAL");
		const log = Math.max(16 * PAGE, Math.min(LOG, maxBytes / 16));
		database.exec(
			`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE}; ` +
				`PRAGMA wal_autocheckpoint = ${Math.floor(log / PAGE)}; PRAGMA journal_size_limit = ${Math.floor(log)}`,
		);
		migrate(database, migrations);
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}

export function openForReading(file: string): DatabaseSync {
	const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY });
	database.exec(`PRAGMA cache_size = -${CACHE}`);
	return database;
}

/** Brings the file to the last version, a step a transaction. */
export function migrate(database: DatabaseSync, migrations = MIGRATIONS): void {
	for (let version = versionOf(database); version < migrations.length; version++) {
		database.exec("BEGIN IMMEDIATE");
		try {
			migrations[version]?.(database);
			database.exec(`PRAGMA user_version = ${version + 1}; PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
		} catch (error) {
			rollback(database);
			throw error;
		}
	}
}

export function rollback(database: DatabaseSync): void {
	try {
		if (database.isTransaction) database.exec("ROLLBACK");
	} catch {
		/* SQLite has done so itself, or the file is beyond it: the error that led here is the one to tell. */
	}
}

/** Returns where the file is now. One broken file is kept; more would fill the disk. */
export function moveAside(file: string): string {
	const folder = dirname(file);
	const prefix = `${basename(file)}.corrupt-`;
	for (const each of readdirSync(folder)) if (each.startsWith(prefix)) rmSync(join(folder, each), { force: true });
	const target = `${file}.corrupt-${new Date().toISOString().replace(/[:.]/g, "-")}`;
	for (const suffix of ["-wal", "-shm", ""]) {
		if (existsSync(file + suffix)) renameSync(file + suffix, target + suffix);
	}
	return target;
}

/** What an error means for a person. */
export function failureOf(error: unknown, file: string): HistoryFailure {
	const code = codeOf(error, file);
	const detail = error instanceof Error ? error.message : String(error);
	const message = error instanceof NotOurs ? detail : `${MEANING[code] ?? "It cannot be written"}: ${file}: ${detail}`;
	return { code, message, time: Date.now() };
}

export function isCorrupt(error: unknown): boolean {
	const primary = primaryOf(error);
	return primary === CORRUPT || primary === NOTADB;
}

/** Of the file and its write-ahead log. */
export function bytesOf(file: string): number {
	return sizeOf(file) + sizeOf(`${file}-wal`);
}

/* ms. The only one that writes is us: whoever else holds the lock is a person with a shell. */
const BUSY = 1_000;
/* kB, in each of two threads; pages beyond it are read from the system's cache. */
const CACHE = 8_000;
/* A large log: a page that many rows change is written to the file once. */
const LOG = 16 * 1024 * 1024;
const PAGE = 4_096;

const BUSY_CODE = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

const MEANING: Partial<Record<HistoryFailureCode, string>> = {
	disk_full: "The disk is full; what happens meanwhile waits in memory, then is lost and counted",
	corrupt: "The history's file is broken",
	locked: "Another program holds the history's file",
	read_only: "The history's folder or file cannot be written to",
	cannot_open: "The history's file cannot be opened",
	io: "Reading or writing the history's file fails",
};

function checkVersion(database: DatabaseSync, file: string, known: number): void {
	const version = versionOf(database);
	const { application_id: application } = database.prepare("PRAGMA application_id").get() as { application_id: number };
	const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get() as { n: number };
	if (tables.n > 0 && application !== APPLICATION_ID) {
		throw new NotOurs(
			"cannot_open",
			`${file} is a database of another program. History is off; enforcement is not affected. Name another file.`,
		);
	}
	if (version > known) {
		throw new NotOurs(
			"newer_schema",
			`${file} was written by a later Sallyport (schema ${version}, this one knows ${known}). ` +
				"History is off; enforcement is not affected. Run that version, or move the file away.",
		);
	}
}

function versionOf(database: DatabaseSync): number {
	return (database.prepare("PRAGMA user_version").get() as { user_version: number }).user_version;
}

function codeOf(error: unknown, file: string): HistoryFailureCode {
	if (error instanceof NotOurs) return error.code;
	switch (primaryOf(error)) {
		case FULL:
			return "disk_full";
		case IOERR:
			return isFull(file) ? "disk_full" : "io";
		case CORRUPT:
		case NOTADB:
			return "corrupt";
		case BUSY_CODE:
		case LOCKED:
			return "locked";
		case READONLY:
			return "read_only";
		case CANTOPEN:
			return isFull(file) ? "disk_full" : "cannot_open";
	}
	switch ((error as NodeJS.ErrnoException).code) {
		case "ENOSPC":
		case "EDQUOT":
			return "disk_full";
		case "EROFS":
		case "EACCES":
		case "EPERM":
			return "read_only";
		case "ENOTDIR":
		case "EEXIST":
			return "cannot_open";
	}
	return "unexpected";
}

/** SQLite's primary result code; 0: the error is not SQLite's. */
function primaryOf(error: unknown): number {
	const { errcode } = error as { readonly errcode?: number };
	return typeof errcode === "number" ? errcode & 0xff : 0;
}

function isFull(file: string): boolean {
	try {
		const { bavail, bsize } = statfsSync(dirname(file));
		return bavail * bsize < 1024 * 1024;
	} catch {
		return false;
	}
}

function sizeOf(file: string): number {
	try {
		return statSync(file).size;
	} catch {
		return 0;
	}
}
