/** Opens the file and classifies its errors. The writer's thread creates it; the reader's thread only opens it. */
import {
	chmodSync,
	closeSync,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	renameSync,
	rmSync,
	statfsSync,
	statSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { HistoryFailure, HistoryFailureCode } from "../records/history-status.ts";
import { defineGoing } from "./interrupt.ts";
import { APPLICATION_ID, MIGRATIONS } from "./tables.ts";
import { onlyRow } from "./typed-rows.ts";

/** A file of another program or of a later Sallyport. It is left as it is, and a retry would not help. */
export class ForeignFile extends Error {
	readonly code: HistoryFailureCode;

	constructor(code: HistoryFailureCode, message: string) {
		super(message);
		this.name = "ForeignFile";
		this.code = code;
	}
}

/** Creates or opens the file and brings it to the current schema. Throws ForeignFile, SQLite's errors and those of node:fs. */
export function openForWriting(file: string, maxBytes: number, migrations = MIGRATIONS): DatabaseSync {
	mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
	keepPrivate(file);
	const database = new DatabaseSync(file, { timeout: BUSY });
	try {
		checkVersion(database, file, migrations.length);
		/* auto_vacuum can only be set on a file without tables, and before its mode is WAL. */
		database.exec("PRAGMA auto_vacuum = INCREMENTAL");
		const log = Math.max(16 * PAGE, Math.min(LOG, maxBytes / 16));
		database.exec(
			`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -${CACHE}; ` +
				`PRAGMA wal_autocheckpoint = ${Math.floor(log / PAGE)}; PRAGMA journal_size_limit = ${Math.floor(log)}`,
		);
		migrate(database, migrations);
		defineGoing(database);
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}

/**
 * Creates the file with its mode, because SQLite would create it for everyone and give that mode to its log. Takes the access of
 * other users from files that were restored with it.
 */
function keepPrivate(file: string): void {
	closeSync(openSync(file, "a", 0o600));
	for (const name of readdirSync(dirname(file)))
		if (name.startsWith(basename(file))) refuseOthers(join(dirname(file), name));
}

function refuseOthers(file: string): void {
	try {
		const { mode } = statSync(file);
		if ((mode & 0o007) !== 0) chmodSync(file, mode & 0o660);
	} catch {
		/* It belongs to another user, or SQLite has removed it meanwhile. SQLite reports a file that it cannot use. */
	}
}

/** Opens a file that the writer has made. `check` throws to end a query. Throws SQLite's errors. */
export function openForReading(file: string, check: () => void): DatabaseSync {
	const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY });
	database.exec(`PRAGMA cache_size = -${CACHE}`);
	defineGoing(database, check);
	return database;
}

/** Brings the file to the current schema, with one transaction for each version. */
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

/** Ends a transaction that failed. Never throws. */
export function rollback(database: DatabaseSync): void {
	try {
		if (database.isTransaction) database.exec("ROLLBACK");
	} catch {
		/* SQLite rolled back by itself, or the file is broken: the caller reports the error that led here. */
	}
}

/** Renames a corrupt file and returns its new name. Only one such file is kept: more would fill the disk. */
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

/** The code and message of an error of the file. */
export function failureOf(error: unknown, file: string): HistoryFailure {
	const code = codeOf(error, file);
	const detail = error instanceof Error ? error.message : String(error);
	const message =
		error instanceof ForeignFile ? detail : `${MEANING[code] ?? "The history cannot be written"}: ${file}: ${detail}`;
	return { code, message, time: Date.now() };
}

export function isCorrupt(error: unknown): boolean {
	const primary = primaryOf(error);
	return primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB;
}

/** Size of the file and its write-ahead log. */
export function bytesOf(file: string): number {
	return sizeOf(file) + sizeOf(`${file}-wal`);
}

/* [ms] The daemon is the only writer: another holder of the lock is a person with a shell. */
const BUSY = 1_000;
/* [kB] In each thread. Other pages come from the system's page cache. */
const CACHE = 8_000;
/* [bytes] With a large log, a page that many rows change is written to the file once. */
const LOG = 16 * 1024 * 1024;
const PAGE = 4_096;

/* Primary result codes of sqlite3.h. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

const MEANING: Partial<Record<HistoryFailureCode, string>> = {
	disk_full: "The disk is full; new records wait in memory, and are dropped and counted once it is full too",
	corrupt: "The history file is corrupt",
	locked: "Another program has locked the history file",
	read_only: "The history file or its directory is read-only",
	cannot_open: "The history file cannot be opened",
	io: "Reading or writing the history file failed",
};

function checkVersion(database: DatabaseSync, file: string, known: number): void {
	const version = versionOf(database);
	const { application_id: application } = onlyRow<{ readonly application_id: number }>(
		database.prepare("PRAGMA application_id"),
	);
	const tables = onlyRow<{ readonly n: number }>(database.prepare("SELECT count(*) AS n FROM sqlite_schema"));
	if (tables.n > 0 && application !== APPLICATION_ID) {
		throw new ForeignFile(
			"cannot_open",
			`${file} is a database of another program. History is off; enforcement is not affected. Configure another file.`,
		);
	}
	if (version > known) {
		throw new ForeignFile(
			"newer_schema",
			`${file} was written by a later Sallyport (schema ${version}; this version supports ${known}). ` +
				"History is off; enforcement is not affected. Upgrade Sallyport, or move the file away.",
		);
	}
}

function versionOf(database: DatabaseSync): number {
	return onlyRow<{ readonly user_version: number }>(database.prepare("PRAGMA user_version")).user_version;
}

function codeOf(error: unknown, file: string): HistoryFailureCode {
	if (error instanceof ForeignFile) return error.code;
	switch (primaryOf(error)) {
		case SQLITE_FULL:
			return "disk_full";
		case SQLITE_IOERR:
			return isFull(file) ? "disk_full" : "io";
		case SQLITE_CORRUPT:
		case SQLITE_NOTADB:
			return "corrupt";
		case SQLITE_BUSY:
		case SQLITE_LOCKED:
			return "locked";
		case SQLITE_READONLY:
			return "read_only";
		case SQLITE_CANTOPEN:
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
		case "EISDIR":
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
