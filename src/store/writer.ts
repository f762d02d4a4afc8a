/** The thread that writes. It alone changes the file; a batch is answered when it is safe in it. */
import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { HistoryFailure } from "../records/contract.ts";
import type { Batch } from "./batch.ts";
import { Records } from "./batch-writer.ts";
import { bytesOf, failureOf, isCorrupt, moveAside, NotOurs, openForWriting, rollback } from "./database.ts";
import type { Figures, FromWriter, ToWriter, WriterData } from "./messages.ts";
import { Retention } from "./retention.ts";

interface Opened {
	readonly database: DatabaseSync;
	readonly records: Records;
	readonly retention: Retention;
	readonly inode: number;
}

const { file, maxAge, maxBytes, boot, fresh } = workerData as WriterData;
const port = parentPort;
if (port === null) throw new Error("writer.ts runs in a worker");
const say = (message: FromWriter) => port.postMessage(message);

let opened: Opened | null = null;
let begun = !fresh;
let tending = false;
/** ms: not before, after it failed; else one failure would be told with each batch. */
let tendAfter = 0;
/** Rows that expired, as last reported. */
let told = 0;

port.on("message", (message: ToWriter) => {
	if (message.type === "batch") write(message.batch);
	else if (message.type === "check") check();
	else close();
});
/* Age goes on when nothing is written. */
setInterval(tend, 600_000).unref();
if (open(false)) tend();

function write(batch: Batch): void {
	if (opened !== null && inodeOf(file) !== opened.inode) {
		/* Deleted or replaced: what is written to the old one is seen by nobody. */
		letGo();
	}
	if (opened === null && !open(true)) return;
	if (opened === null) return;
	try {
		opened.records.write(batch);
		say({ type: "written", figures: figuresOf(opened) });
		tend();
	} catch (error) {
		fail(error, true);
	}
}

/** True: the file is open. Else the failure was told. */
function open(forBatch: boolean): boolean {
	let broken: HistoryFailure | null = null;
	for (let attempt = 0; attempt < 2; attempt++) {
		let database: DatabaseSync | null = null;
		try {
			database = openForWriting(file, maxBytes);
			if (!begun) beginRun(database);
			begun = true;
			const records = new Records(database);
			const retention = new Retention({ database, records, maxAge, maxBytes });
			opened = { database, records, retention, inode: inodeOf(file) };
			say({ type: "opened", figures: figuresOf(opened), failure: broken });
			return true;
		} catch (error) {
			shut(database);
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

/** What an earlier daemon left open may go on, if this is the same boot: cookies still mean the same sockets. */
function beginRun(database: DatabaseSync): void {
	database.exec("BEGIN IMMEDIATE");
	try {
		const known = database.prepare("SELECT value FROM meta WHERE key = 'boot'").get() as { value: string };
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
		letGo();
		try {
			failure = asideFailure(failure, moveAside(file));
		} catch (second) {
			failure = failureOf(second, file);
		}
	}
	/* Otherwise a file that is open stays so: when there is room again the next batch finds it. */
	say({ type: "failed", failure, final: error instanceof NotOurs, batch });
}

function asideFailure({ message, ...rest }: HistoryFailure, target: string): HistoryFailure {
	return { ...rest, message: `${message}. It was moved to ${target}; history begins anew.` };
}

/** Deletes what is too old or too much, a step between two batches. */
function tend(): void {
	if (tending || Date.now() < tendAfter) return;
	tending = true;
	setImmediate(tendOnce);
}

function tendOnce(): void {
	tending = false;
	if (opened === null) return;
	const { retention } = opened;
	try {
		if (retention.step()) tend();
		else if (retention.expired !== told) say({ type: "figures", figures: figuresOf(opened) });
	} catch (error) {
		tendAfter = Date.now() + 10_000;
		fail(error, false);
	}
}

function check(): void {
	if (opened === null) return;
	try {
		const result = opened.database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
		if (result.quick_check === "ok") return;
		fail(Object.assign(new Error(result.quick_check), { errcode: 11 }), false);
	} catch (error) {
		fail(error, false);
	}
}

function close(): void {
	letGo();
	say({ type: "closed" });
	port?.close();
}

function letGo(): void {
	shut(opened?.database ?? null);
	opened = null;
}

function shut(database: DatabaseSync | null): void {
	try {
		database?.close();
	} catch {
		/* It could not be read: closing it may fail for the same reason. */
	}
}

function figuresOf({ database, records, retention, inode }: Opened): Figures {
	told = retention.expired;
	const { oldest } = database.prepare("SELECT min(id) AS oldest FROM connection").get() as { oldest: number | null };
	return {
		rows: records.rows,
		bytes: bytesOf(file),
		oldest: oldest === null ? null : oldest / 1000,
		expired: retention.expired,
		inode,
	};
}

function inodeOf(path: string): number {
	return statSync(path, { throwIfNoEntry: false })?.ino ?? 0;
}
