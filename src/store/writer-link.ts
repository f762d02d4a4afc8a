import { readFileSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import { TIMES } from "../base/config.ts";
import type { Connection } from "../records/connection.ts";
import { type HistoryFailure, THROTTLED } from "../records/history-status.ts";
import type { Describer } from "../records/view.ts";
import { startThread } from "../system/thread.ts";
import { type Batch, type BatchBuilder, emptyBatch } from "./batch.ts";
import type { Figures, FromWriter, ToWriter, WriterData } from "./messages.ts";
import { QueueShares } from "./queue-shares.ts";
import { WriteQueue } from "./write-queue.ts";

export interface WriterLinkOptions {
	readonly file: string;
	/** [ms] */
	readonly maxAge: number;
	/** Maximum size of the file and its write-ahead log [bytes]. */
	readonly maxBytes: number;
	readonly describe: Describer;
	/** Records that wait in memory at most. */
	readonly buffer: number;
	readonly onFailure: (failure: HistoryFailure | null) => void;
	/** The file was opened, or was replaced by another one. */
	readonly onOpened: () => void;
	readonly startWorker?: (data: WriterData) => Worker;
}

/**
 * The main thread's side of the writer: gathers batches, sends one at a time, and keeps it until it is safe in the file. A writer that
 * dies is started again, and a batch that fails is sent again, after a delay that doubles.
 */
export class WriterLink {
	state: "opening" | "writing" | "waiting" | "off" = "opening";
	failure: HistoryFailure | null = null;
	figures: Figures = { rows: 0, bytes: 0, oldest: null, expired: 0, throttled: [], inode: 0 };
	/** Wall clock [ms] of the last batch that is in the file. */
	lastWrite: number | null = null;
	readonly counts = { written: 0, dropped: 0, failures: 0, restarts: 0 };
	/** Resolves when the first attempt to open the file has ended. */
	readonly ready: Promise<void>;
	readonly #o: WriterLinkOptions;
	readonly #boot = bootId();
	/** No writer of this daemon has opened the file yet. */
	#fresh = true;
	#worker: Worker | null = null;
	readonly #queue: WriteQueue;
	readonly shares: QueueShares;
	/** The batch that was sent and is not acknowledged yet. */
	#sent: Batch | null = null;
	#flushTimer: NodeJS.Timeout | null = null;
	#retryTimer: NodeJS.Timeout | null = null;
	#backoff = BACKOFF;
	/** Monotonic clock [ms] of the last report of dropped records. */
	#reportedDrop = Number.NEGATIVE_INFINITY;
	#closing = false;
	#flushed: (() => void)[] = [];
	#closed: (() => void) | null = null;
	readonly #markReady: () => void;

	constructor(options: WriterLinkOptions) {
		this.#o = options;
		this.#queue = new WriteQueue(options.describe);
		this.shares = new QueueShares(options.buffer, THROTTLED);
		const { promise, resolve } = Promise.withResolvers<void>();
		this.ready = promise;
		this.#markReady = resolve;
		this.#start();
	}

	/** Records that are not in the file yet. */
	get waiting(): number {
		return this.#queue.size;
	}

	/** [ms] Age of the oldest of them. */
	get lag(): number {
		return this.#queue.lag;
	}

	/** The last quarter of the buffer is reserved for `rare` records: a flood of allowed connections displaces no denial. */
	add(put: (builder: BatchBuilder) => void, rare = false, connection: Connection | null = null): void {
		const room = rare ? this.#o.buffer : Math.floor(this.#o.buffer * 0.75);
		const { size } = this.#queue;
		const isFull = size >= room || (connection !== null && !this.shares.take(connection, rare, size, Date.now()));
		if (this.state === "off" || this.#closing || isFull) {
			this.#drop();
			return;
		}
		if (this.#queue.add(put)) this.#seal();
		else this.#flushTimer ??= setTimeout(() => this.#seal(), FLUSH);
	}

	/** Has the writer check the file: the reader met a corrupt page. */
	check(): void {
		this.#post({ type: "check" });
	}

	/** Resolves when all records so far are in the file, or were dropped. */
	flush(): Promise<void> {
		this.#seal();
		if (this.#queue.size === 0 || this.state === "off") return Promise.resolve();
		return new Promise((resolve) => this.#flushed.push(resolve));
	}

	/** Writes the records that wait, for two seconds at most, and ends the thread. */
	async close(): Promise<void> {
		if (this.#closing) return;
		await Promise.race([this.flush(), after(CLOSE_TIMEOUT)]);
		this.#closing = true;
		this.counts.dropped += this.#queue.size;
		this.#clearTimers();
		const worker = this.#worker;
		if (worker !== null) {
			const closed = new Promise<void>((resolve) => {
				this.#closed = resolve;
			});
			this.#post({ type: "close" });
			await Promise.race([closed, after(CLOSE_TIMEOUT)]);
			await worker.terminate();
		}
		this.state = "off";
	}

	#start(): void {
		const { file, maxAge, maxBytes, startWorker = startWriter } = this.#o;
		this.#sent = null;
		const worker = startWorker({ file, maxAge, maxBytes, boot: this.#boot, fresh: this.#fresh });
		this.#worker = worker;
		let reason = "it exited";
		worker.unref();
		worker.on("message", (message: FromWriter) => this.#receive(message));
		worker.on("error", (error) => {
			reason = error instanceof Error ? error.message : String(error);
		});
		worker.on("exit", () => this.#exited(reason));
	}

	#receive(message: FromWriter): void {
		this.#markReady();
		switch (message.type) {
			case "opened":
				this.#fresh = false;
				this.figures = message.figures;
				if (message.failure !== null) this.#fail(message.failure);
				this.#recover();
				this.#o.onOpened();
				this.#sendNext();
				break;
			case "written":
				this.figures = message.figures;
				this.#written();
				break;
			case "figures":
				this.figures = message.figures;
				break;
			case "failed":
				if (message.batch) this.#sent = null;
				this.#fail(message.failure);
				if (message.final) this.#giveUp();
				else this.#retry();
				break;
			case "closed":
				this.#closed?.();
		}
	}

	#seal(): void {
		if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
		this.#flushTimer = null;
		if (this.#queue.seal()) this.#sendNext();
	}

	/* In state "waiting" the retry timer sends. */
	#sendNext(): void {
		const { head } = this.#queue;
		if (this.state === "writing" && this.#sent === null && head !== null) this.#send(head);
	}

	#send(batch: Batch): void {
		this.#sent = batch;
		this.#post({ type: "batch", batch });
	}

	#written(): void {
		if (this.#sent !== null && this.#sent === this.#queue.head) {
			this.counts.written += this.#queue.shift();
			this.lastWrite = Date.now();
		}
		this.#sent = null;
		this.#recover();
		if (this.#queue.head === null) this.#resolveFlushed();
		this.#sendNext();
	}

	#recover(): void {
		this.#backoff = BACKOFF;
		this.state = "writing";
		if (this.failure === null) return;
		this.failure = null;
		this.#o.onFailure(null);
	}

	#fail(failure: HistoryFailure): void {
		this.state = "waiting";
		/* A repeated failure keeps the time of the first one and is reported once. */
		const repeated = this.failure?.code === failure.code ? this.failure : null;
		this.failure = repeated === null ? failure : { ...failure, time: repeated.time };
		if (repeated !== null) return;
		this.counts.failures++;
		this.#o.onFailure(failure);
	}

	#retry(): void {
		if (this.#retryTimer !== null || this.#closing) return;
		this.#retryTimer = setTimeout(() => {
			this.#retryTimer = null;
			if (this.#worker === null) {
				this.#start();
				return;
			}
			/* If nothing is waiting, an empty batch tests whether the file can be written again. */
			if (this.#sent === null) this.#send(this.#queue.head ?? EMPTY);
		}, this.#backoff);
		this.#backoff = Math.min(this.#backoff * 2, BACKOFF_MAX);
	}

	#exited(reason: string): void {
		this.#worker = null;
		this.#markReady();
		this.#closed?.();
		if (this.#closing || this.state === "off") return;
		this.counts.restarts++;
		const message = `The thread that writes the history died and is restarted (${reason}): ${this.#o.file}`;
		this.#fail({ code: "writer_died", message, time: Date.now() });
		this.#retry();
	}

	#giveUp(): void {
		this.state = "off";
		this.counts.dropped += this.#queue.clear();
		this.#clearTimers();
		this.#resolveFlushed();
	}

	#drop(): void {
		this.counts.dropped++;
		if (this.failure !== null || this.state === "off" || performance.now() - this.#reportedDrop < REPORT_INTERVAL)
			return;
		this.#reportedDrop = performance.now();
		const message = `Records arrive faster than they can be written; some are dropped and counted: ${this.#o.file}`;
		this.#o.onFailure({ code: "dropped", message, time: Date.now() });
	}

	#resolveFlushed(): void {
		const flushed = this.#flushed;
		this.#flushed = [];
		for (const resolve of flushed) resolve();
	}

	#clearTimers(): void {
		if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
		if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
		this.#flushTimer = null;
		this.#retryTimer = null;
	}

	#post(message: ToWriter): void {
		this.#worker?.postMessage(message);
	}
}

const EMPTY = emptyBatch(new Float64Array(0));

/* [ms] */
const FLUSH = TIMES.historyFlush;
const BACKOFF = 100;
const BACKOFF_MAX = 10_000;
const CLOSE_TIMEOUT = 2_000;
/* [ms] Dropped records are reported at most this often. */
const REPORT_INTERVAL = 60_000;

function startWriter(data: WriterData): Worker {
	return startThread(new URL("./writer.ts", import.meta.url), { workerData: data, young: 4, old: 128 });
}

function after(ms: number): Promise<void> {
	return new Promise((resolve) => {
		setTimeout(resolve, ms).unref();
	});
}

function bootId(): string {
	try {
		return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
	} catch {
		return "";
	}
}
