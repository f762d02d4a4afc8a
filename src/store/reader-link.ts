import type { Worker } from "node:worker_threads";
import { HistoryError } from "../records/contract.ts";
import { startThread } from "../system/thread.ts";
import type { Operation, Requests } from "./requests.ts";

export type ToReader =
	| { readonly type: "ask"; readonly id: number; readonly operation: Operation; readonly asked: never }
	| { readonly type: "reopen" };

export interface FromReader {
	readonly id: number;
	readonly result: unknown;
	readonly error: string | null;
	readonly corrupt: boolean;
}

/** This side of the reader's thread, which lives while there are questions: it is memory that nobody needs otherwise. */
export class ReaderLink {
	readonly #file: string;
	readonly #onCorrupt: () => void;
	readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
	#worker: Worker | null = null;
	#rest: NodeJS.Timeout | null = null;
	#nextId = 1;

	constructor(file: string, onCorrupt: () => void) {
		this.#file = file;
		this.#onCorrupt = onCorrupt;
	}

	ask<K extends Operation>(operation: K, asked: Requests[K][0]): Promise<Requests[K][1]> {
		if (this.#waiting.size >= QUESTIONS)
			return Promise.reject(new HistoryError("busy", "The history has too many questions to answer; ask again later"));
		const worker = this.#worker ?? this.#start();
		if (this.#rest !== null) clearTimeout(this.#rest);
		this.#rest = null;
		const id = this.#nextId++;
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			worker.ref();
			worker.postMessage({ type: "ask", id, operation, asked: asked as never } satisfies ToReader);
		});
	}

	reopen(): void {
		this.#worker?.postMessage({ type: "reopen" } satisfies ToReader);
	}

	async close(): Promise<void> {
		if (this.#rest !== null) clearTimeout(this.#rest);
		await this.#worker?.terminate();
	}

	#start(): Worker {
		const worker = startThread(new URL("./reader.ts", import.meta.url), {
			workerData: { file: this.#file },
			young: 16,
			old: 256,
		});
		this.#worker = worker;
		let reason = "it ended";
		worker.on("message", (message: FromReader) => this.#hear(worker, message));
		worker.on("error", (error) => {
			reason = error instanceof Error ? error.message : String(error);
		});
		worker.on("exit", () => {
			/* One that was sent to rest has answered all; what waits now waits for its successor. */
			if (this.#worker !== worker) return;
			this.#worker = null;
			const waiting = [...this.#waiting.values()];
			this.#waiting.clear();
			const error = new HistoryError("unreadable", `The thread that reads the history died: ${reason}`);
			for (const { reject } of waiting) reject(error);
		});
		return worker;
	}

	#hear(worker: Worker, { id, result, error, corrupt }: FromReader): void {
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		if (this.#waiting.size === 0) {
			worker.unref();
			this.#rest = setTimeout(() => {
				this.#worker = null;
				void worker.terminate();
			}, REST).unref();
		}
		if (corrupt) this.#onCorrupt();
		if (error === null) waiting?.resolve(result as never);
		else waiting?.reject(new HistoryError("unreadable", error));
	}
}

const QUESTIONS = 64;
/* ms */
const REST = 60_000;
