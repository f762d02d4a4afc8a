import type { Worker } from "node:worker_threads";
import { HistoryError } from "../records/query-errors.ts";
import { startThread } from "../system/thread.ts";
import type { Operation, Requests } from "./requests.ts";

export type ToReader = QueryMessage<Operation> | { readonly type: "reopen" };

interface QueryMessage<K extends Operation> {
	readonly type: "query";
	readonly id: number;
	readonly operation: K;
	readonly query: Requests[K][0];
}

export interface FromReader {
	readonly id: number;
	readonly result: unknown;
	readonly error: string | null;
	readonly corrupt: boolean;
}

/** The main thread's side of the reader. The thread is ended after a minute without queries, to release its memory. */
export class ReaderLink {
	readonly #file: string;
	readonly #onCorrupt: () => void;
	readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
	#worker: Worker | null = null;
	#idleTimer: NodeJS.Timeout | null = null;
	#nextId = 1;

	constructor(file: string, onCorrupt: () => void) {
		this.#file = file;
		this.#onCorrupt = onCorrupt;
	}

	/** Rejects with HistoryError `busy` or `unreadable`. */
	query<K extends Operation>(operation: K, query: Requests[K][0]): Promise<Requests[K][1]> {
		if (this.#waiting.size >= QUERIES)
			return Promise.reject(new HistoryError("busy", "The history has too many queries; retry later"));
		const worker = this.#worker ?? this.#start();
		if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
		this.#idleTimer = null;
		const id = this.#nextId++;
		return new Promise((resolve, reject) => {
			/* The thread answers with the result of the operation that it was sent. */
			this.#waiting.set(id, { resolve: (result) => resolve(result as Requests[K][1]), reject });
			worker.ref();
			const message: QueryMessage<K> = { type: "query", id, operation, query };
			worker.postMessage(message satisfies ToReader);
		});
	}

	reopen(): void {
		this.#worker?.postMessage({ type: "reopen" } satisfies ToReader);
	}

	async close(): Promise<void> {
		if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
		await this.#worker?.terminate();
	}

	#start(): Worker {
		const worker = startThread(new URL("./reader.ts", import.meta.url), {
			workerData: { file: this.#file },
			young: 16,
			old: 256,
		});
		this.#worker = worker;
		let reason = "it exited";
		worker.on("message", (message: FromReader) => this.#receive(worker, message));
		worker.on("error", (error) => {
			reason = error instanceof Error ? error.message : String(error);
		});
		worker.on("exit", () => {
			/* A thread that was ended for idleness has answered all of its queries; those that wait belong to its successor. */
			if (this.#worker !== worker) return;
			this.#worker = null;
			const waiting = [...this.#waiting.values()];
			this.#waiting.clear();
			const error = new HistoryError("unreadable", `The thread that reads the history died: ${reason}`);
			for (const { reject } of waiting) reject(error);
		});
		return worker;
	}

	#receive(worker: Worker, { id, result, error, corrupt }: FromReader): void {
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		if (this.#waiting.size === 0) {
			worker.unref();
			this.#idleTimer = setTimeout(() => {
				this.#worker = null;
				void worker.terminate();
			}, IDLE).unref();
		}
		if (corrupt) this.#onCorrupt();
		if (error === null) waiting?.resolve(result);
		else waiting?.reject(new HistoryError("unreadable", error));
	}
}

/* Queries that wait at most. */
const QUERIES = 64;
/* [ms] */
const IDLE = 60_000;
