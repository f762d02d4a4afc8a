/** The thread that reads: a question at a time, each on one state of the file. */
import type { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { failureOf, isCorrupt, openForReading } from "./database.ts";
import type { FromReader, ToReader } from "./reader-link.ts";
import { HANDLERS, type Operation, type Requests } from "./requests.ts";

const { file } = workerData as { readonly file: string };
const port = parentPort;
if (port === null) throw new Error("reader.ts runs in a worker");
const say = (message: FromReader) => port.postMessage(message, buffersOf(message.result));

let database: DatabaseSync | null = null;

port.on("message", (message: ToReader) => {
	if (message.type === "reopen") letGo();
	else answer(message.id, message.operation, message.asked);
});

function answer<K extends Operation>(id: number, operation: K, asked: Requests[K][0]): void {
	try {
		database ??= openForReading(file);
		database.exec("BEGIN");
		const result = HANDLERS[operation](database, asked);
		say({ id, result, error: null, corrupt: false });
	} catch (error) {
		const { message } = failureOf(error, file);
		say({ id, result: null, error: message, corrupt: isCorrupt(error) });
	} finally {
		endTransaction();
	}
}

/** What is text already changes hands. */
function buffersOf(result: unknown): ArrayBuffer[] {
	const { bytes } = (result ?? {}) as { readonly bytes?: unknown };
	return bytes instanceof Uint8Array ? [bytes.buffer as ArrayBuffer] : [];
}

/* A file that failed once is opened anew. */
function endTransaction(): void {
	try {
		if (database?.isTransaction) database.exec("COMMIT");
	} catch {
		letGo();
	}
}

function letGo(): void {
	try {
		database?.close();
	} catch {
		/* Broken: there is nothing to keep. */
	}
	database = null;
}
