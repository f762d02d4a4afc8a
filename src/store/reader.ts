/** The thread that reads: one query at a time, each in its own read transaction. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { failureOf, isCorrupt, openForReading } from "./database.ts";
import type { FromReader, ToReader } from "./reader-link.ts";
import { HANDLERS, type Operation, type Requests } from "./requests.ts";

const { file } = workerData as { readonly file: string };
const port = parentPort;
if (port === null) throw new Error("reader.ts runs in a worker");
const send = (message: FromReader) => port.postMessage(message, buffersOf(message.result));

let database: DatabaseSync | null = null;

port.on("message", (message: ToReader) => {
	if (message.type === "reopen") closeFile();
	else answer(message.id, message.operation, message.query);
});

function answer<K extends Operation>(id: number, operation: K, query: Requests[K][0]): void {
	try {
		database ??= openForReading(file);
		database.exec("BEGIN");
		const result = HANDLERS[operation](database, query);
		send({ id, result, error: null, corrupt: false });
	} catch (error) {
		const { message } = failureOf(error, file);
		send({ id, result: null, error: message, corrupt: isCorrupt(error) });
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
