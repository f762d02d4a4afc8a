/** A thread that reads: one query at a time, each in its own read transaction. */
import { setPriority } from "node:os";
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { failureOf, isCorrupt, openForReading } from "./database.ts";
import type { FromReader, ReaderData, ToReader } from "./reader-link.ts";
import { HANDLERS, type Operation, type Requests } from "./requests.ts";

const { file, ended, limit, nice } = workerData as ReaderData;
const port = parentPort;
if (port === null) throw new Error("reader.ts runs in a worker");
const send = (message: FromReader) => port.postMessage(message, buffersOf(message.result));

/* Linux has a priority for each thread, and 0 is the calling one: setpriority(2). */
if (nice > 0) {
	try {
		setPriority(0, nice);
	} catch {
		/* A sandbox may not permit it. The threads then share the processors alike. */
	}
}

let database: DatabaseSync | null = null;
let running = 0;
let deadline = 0;

port.on("message", (message: ToReader) => {
	if (message.type === "reopen") closeFile();
	else answer(message.id, message.operation, message.query);
});

class Ended extends Error {
	readonly code: "gone" | "too_slow";

	constructor(code: "gone" | "too_slow") {
		super(code);
		this.code = code;
	}
}

function check(): void {
	if (Atomics.load(ended, 0) === running) throw new Ended("gone");
	if (performance.now() > deadline) throw new Ended("too_slow");
}

function answer<K extends Operation>(id: number, operation: K, query: Requests[K][0]): void {
	running = id;
	deadline = performance.now() + limit;
	try {
		database ??= openForReading(file, check);
		database.exec("BEGIN");
		const result = HANDLERS[operation](database, query);
		send({ id, result, code: null, error: "", corrupt: false });
	} catch (error) {
		if (error instanceof Ended) send({ id, result: null, code: error.code, error: "", corrupt: false });
		else {
			const { message } = failureOf(error, file);
			send({ id, result: null, code: "unreadable", error: message, corrupt: isCorrupt(error) });
		}
	} finally {
		endTransaction();
	}
}

/** Bytes of a written page are transferred, not copied. */
function buffersOf(result: unknown): ArrayBuffer[] {
	const { bytes } = (result ?? {}) as { readonly bytes?: unknown };
	return bytes instanceof Uint8Array ? [bytes.buffer as ArrayBuffer] : [];
}

/* A file that failed is reopened for the next query. */
function endTransaction(): void {
	try {
		if (database?.isTransaction) database.exec("COMMIT");
	} catch {
		closeFile();
	}
}

function closeFile(): void {
	try {
		database?.close();
	} catch {
		/* The file is broken, and the next query opens it again. */
	}
	database = null;
}
