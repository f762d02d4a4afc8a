import type { Worker } from "node:worker_threads";
import { TIMES } from "../base/config.ts";
import { HistoryError } from "../records/query-errors.ts";
import { startThread } from "../system/thread.ts";
import type { Operation, Requests } from "./requests.ts";

export type ToReader = QueryMessage | { readonly type: "reopen" };

interface QueryMessage {
	readonly type: "query";
	readonly id: number;
	readonly operation: Operation;
	readonly query: Requests[Operation][0];
}

export interface FromReader {
	readonly id: number;
	readonly result: unknown;
	/** Null: there is a result. */
	readonly code: "unreadable" | "too_slow" | "gone" | null;
	/** The message of `unreadable`. */
	readonly error: string;
	readonly corrupt: boolean;
}

export interface ReaderData {
	readonly file: string;
	/** The id of the query that has to end. */
	readonly ended: Int32Array<SharedArrayBuffer>;
	/** Longest time of a query [ms]. */
	readonly limit: number;
	/** The priority of the thread, as of nice(1). */
	readonly nice: number;
}

export interface ReaderOptions {
	readonly file: string;
	readonly nice: number;
	/** Default: TIMES.query. */
	readonly limit?: number;
	readonly onCorrupt: () => void;
}

interface Waiting {
	readonly message: QueryMessage;
	readonly resolve: (result: unknown) => void;
	readonly reject: (error: Error) => void;
}

/** The main thread's side of one reader. The thread is ended after a minute without queries, to release its memory. */
export class ReaderLink {
	readonly #o: ReaderOptions;
	readonly #ended = new Int32Array(new SharedArrayBuffer(4));
	/** In the order in which they were asked. The thread has the first. */
	#waiting: Waiting[] = [];
	#worker: Worker | null = null;
	#idleTimer: NodeJS.Timeout | null = null;
	#nextId = 1;

	constructor(options: ReaderOptions) {
		this.#o = options;
	}

	/** Queries that run and wait. */
	get length(): number {
		return this.#waiting.length;
	}

	/** Ends when `signal` is aborted. Rejects with HistoryError `busy`, `unreadable`, `too_slow` or `gone`. */
	query<K extends Operation>(operation: K, query: Requests[K][0], signal: AbortSignal): Promise<Requests[K][1]> {
		if (signal.aborted) return Promise.reject(gone());
		if (this.length >= QUERIES)
			return Promise.reject(new HistoryError("busy", "The history has too many queries; retry later"));
		if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
		this.#idleTimer = null;
		const id = this.#nextId++ & 0x7fff_ffff;
		const end = () => this.#end(id);
		signal.addEventListener("abort", end, { once: true });
		const { promise, resolve, reject } = Promise.withResolvers<unknown>();
		this.#waiting.push({ message: { type: "query", id, operation, query }, resolve, reject });
		if (this.length === 1) this.#sendFirst();
		/* The thread answers with the result of the operation that it was sent. */
		return promise.finally(() => signal.removeEventListener("abort", end)) as Promise<Requests[K][1]>;
	}

	reopen(): void {
		this.#worker?.postMessage({ type: "reopen" } satisfies ToReader);
	}

	async close(): Promise<void> {
		if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
		await this.#worker?.terminate();
	}

	#end(id: number): void {
		const [first, ...others] = this.#waiting;
		if (first?.message.id === id) {
			Atomics.store(this.#ended, 0, id);
			return;
		}
		const waiting = others.find(({ message }) => message.id === id);
		this.#waiting = this.#waiting.filter((each) => each !== waiting);
		waiting?.reject(gone());
	}

	#sendFirst(): void {
		const [first] = this.#waiting;
		if (first === undefined) return;
		const worker = this.#worker ?? this.#start();
		worker.ref();
		worker.postMessage(first.message satisfies ToReader);
	}

	#start(): Worker {
		const { file, nice, limit = TIMES.query } = this.#o;
		const worker = startThread(new URL("./reader.ts", import.meta.url), {
			workerData: { file, nice, limit, ended: this.#ended } satisfies ReaderData,
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
			const error = new HistoryError("unreadable", `The thread that reads the history died: ${reason}`);
			for (const { reject } of this.#waiting.splice(0)) reject(error);
		});
		return worker;
	}

	#receive(worker: Worker, { result, code, error, corrupt }: FromReader): void {
		const answered = this.#waiting.shift();
		if (this.length === 0) {
			worker.unref();
			this.#idleTimer = setTimeout(() => {
				this.#worker = null;
				void worker.terminate();
			}, IDLE).unref();
		} else this.#sendFirst();
		if (corrupt) this.#o.onCorrupt();
		if (code === null) answered?.resolve(result);
		else answered?.reject(errorOf(code, error, this.#o.limit ?? TIMES.query));
	}
}

function errorOf(code: NonNullable<FromReader["code"]>, message: string, limit: number): HistoryError {
	if (code === "unreadable") return new HistoryError(code, message);
	if (code === "gone") return gone();
	return new HistoryError(
		code,
		`The query took more than ${limit / 1000} s and was ended; narrow it with "since" or a filter`,
	);
}

function gone(): HistoryError {
	return new HistoryError("gone", "The client has closed the connection");
}

/* Queries that run and wait at most. */
const QUERIES = 64;
/* [ms] */
const IDLE = 60_000;
