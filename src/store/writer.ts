/** The thread that writes: the only one that changes the file. A batch is acknowledged when it is safe in the file. */
import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { HistoryFailure } from "../records/history-status.ts";
import type { Batch } from "./batch.ts";
import { BatchWriter } from "./batch-writer.ts";
import {
	bytesOf,
	ForeignFile,
	failureOf,
	isCorrupt,
	moveAside,
	openForWriting,
	rollback,
	SQLITE_CORRUPT,
} from "./database.ts";
import type { Figures, FromWriter, ToWriter, WriterData } from "./messages.ts";
import { Retention } from "./retention.ts";
import { onlyRow } from "./typed-rows.ts";

interface Opened {
	readonly database: DatabaseSync;
	readonly records: BatchWriter;
	readonly retention: Retention;
	readonly inode: number;
}

const { file, maxAge, maxBytes, boot, fresh } = workerData as WriterData;
const port = parentPort;
if (port === null) throw new Error("writer.ts runs in a worker");
const send = (message: FromWriter) => port.postMessage(message);

let opened: Opened | null = null;
/** This daemon has marked the rows that an earlier one left open. */
let begun = !fresh;
let retaining = false;
/** Monotonic clock [ms]. After a failure retention pauses until then: otherwise every batch would report the failure again. */
let retainAfter = 0;
/** Expired rows in the last report. */
let reportedExpired = 0;

port.on("message", (message: ToWriter) => {
	if (message.type === "batch") write(message.batch);
	else if (message.type === "check") check();
	else close();
});
/* Records expire while nothing is written, too. */
setInterval(retain, 600_000).unref();
if (open(false)) retain();

function write(batch: Batch): void {
	if (opened !== null && inodeOf(file) !== opened.inode) {
		/* The file was deleted or replaced, so readers would not see further writes to the old one. */
		closeFile();
	}
	if (opened === null && !open(true)) return;
	if (opened === null) return;
	try {
		opened.records.write(batch);
		send({ type: "written", figures: figuresOf(opened) });
		retain();
	} catch (error) {
		fail(error, true);
	}
}

/** Returns whether the file is open; if it is not, the failure has been reported. */
function open(forBatch: boolean): boolean {
	let broken: HistoryFailure | null = null;
	for (let attempt = 0; attempt < 2; attempt++) {
		let database: DatabaseSync | null = null;
		try {
			database = openForWriting(file, maxBytes);
			if (!begun) beginRun(database);
			begun = true;
			const records = new BatchWriter(database);
			const retention = new Retention({ database, records, maxAge, maxBytes });
			opened = { database, records, retention, inode: inodeOf(file) };
			send({ type: "opened", figures: figuresOf(opened), failure: broken });
			return true;
		} catch (error) {
			closeQuietly(database);
			if (!isCorrupt(error)) {
				fail(error, forBatch);
				return false;
			}
			const failure = failureOf(error, file);
			try {
				broken = asideFailure(failure, moveAside(file));
			} catch (second) {
				fail(second, forBatch);
				return false;
			}
		}
	}
	return false;
}

/** Marks rows that an earlier daemon left open: within the same boot they may continue, since socket cookies are still the same. */
function beginRun(database: DatabaseSync): void {
	database.exec("BEGIN IMMEDIATE");
	try {
		const known = onlyRow<{ readonly value: string }>(database.prepare("SELECT value FROM meta WHERE key = 'boot'"));
		/* Partial index: its condition, open > 0, has to stand in the statement. */
		database.exec("UPDATE connection INDEXED BY connection_open SET open = 0 WHERE open > 0 AND open = 2");
		database.exec(
			`UPDATE connection INDEXED BY connection_open SET open = ${known.value === boot ? 2 : 0} WHERE open > 0 AND open = 1`,
		);
		database.prepare("UPDATE meta SET value = ? WHERE key = 'boot'").run(boot);
		database.exec("COMMIT");
	} catch (error) {
		rollback(database);
		throw error;
	}
}

function fail(error: unknown, batch: boolean): void {
	let failure = failureOf(error, file);
	if (isCorrupt(error)) {
		closeFile();
		try {
			failure = asideFailure(failure, moveAside(file));
		} catch (second) {
			failure = failureOf(second, file);
		}
	}
	/* A file that is open stays open: when there is room again the next batch succeeds. */
	send({ type: "failed", failure, final: error instanceof ForeignFile, batch });
}

function asideFailure({ message, ...rest }: HistoryFailure, target: string): HistoryFailure {
	return { ...rest, message: `${message}. It was moved to ${target}, and a new history was started.` };
}

/** Deletes records that are too old or too many, one step between two batches. */
function retain(): void {
	if (retaining || performance.now() < retainAfter) return;
	retaining = true;
	setImmediate(retainStep);
}

function retainStep(): void {
	retaining = false;
	if (opened === null) return;
	const { retention } = opened;
	try {
		if (retention.step()) retain();
		else if (retention.expired !== reportedExpired) send({ type: "figures", figures: figuresOf(opened) });
	} catch (error) {
		retainAfter = performance.now() + 10_000;
		fail(error, false);
	}
}

function check(): void {
	if (opened === null) return;
	try {
		const result = onlyRow<{ readonly quick_check: string }>(opened.database.prepare("PRAGMA quick_check(1)"));
		if (result.quick_check === "ok") return;
		fail(Object.assign(new Error(result.quick_check), { errcode: SQLITE_CORRUPT }), false);
	} catch (error) {
		fail(error, false);
	}
}

function close(): void {
	closeFile();
	send({ type: "closed" });
	port?.close();
}

function closeFile(): void {
	closeQuietly(opened?.database ?? null);
	opened = null;
}

function closeQuietly(database: DatabaseSync | null): void {
	try {
		database?.close();
	} catch {
		/* Closing a broken file may fail for the same reason as reading it. */
	}
}

function figuresOf({ database, records, retention, inode }: Opened): Figures {
	reportedExpired = retention.expired;
	const first = database.prepare("SELECT min(id) AS oldest FROM connection");
	const { oldest } = onlyRow<{ readonly oldest: number | null }>(first);
	return {
		rows: records.rows,
		bytes: bytesOf(file),
		oldest: oldest === null ? null : oldest / 1000,
		expired: retention.expired,
		throttled: retention.throttled(),
		inode,
	};
}

function inodeOf(path: string): number {
	return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}
