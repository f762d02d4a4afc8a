import { readFileSync } from "node:fs";
import type { Worker } from "node:worker_threads";
import type { HistoryFailure } from "../records/contract.ts";
import type { Describer } from "../records/view.ts";
import { startThread } from "../system/thread.ts";
import { type Batch, BatchBuilder } from "./batch.ts";
import type { Figures, FromWriter, ToWriter, WriterData } from "./messages.ts";

export interface WriterLinkOptions {
	readonly file: string;
	readonly maxAge: number;
	readonly maxBytes: number;
	readonly describe: Describer;
	/** Records in memory at most. */
	readonly buffer: number;
	readonly onFailure: (failure: HistoryFailure | null) => void;
	/** The file is another one. */
	readonly onOpened: () => void;
	readonly startWorker?: (data: WriterData) => Worker;
}

/** This side of the writer's thread: gathers batches, sends one at a time, and keeps it until it is safe in the file. */
export class WriterLink {
	state: "opening" | "writing" | "waiting" | "off" = "opening";
	failure: HistoryFailure | null = null;
	figures: Figures = { rows: 0, bytes: 0, oldest: null, expired: 0, inode: 0 };
	lastWrite: number | null = null;
	readonly counts = { written: 0, dropped: 0, failures: 0, restarts: 0 };
	/** Resolves when the file has been opened, or could not be, for the first time. */
	readonly ready: Promise<void>;
	readonly #o: WriterLinkOptions;
	readonly #boot = bootId();
	#fresh = true;
	#worker: Worker | null = null;
	readonly #builder: BatchBuilder;
	/** The oldest first; the first may be on its way. */
	readonly #queue: Waiting[] = [];
	#queued = 0;
	#sent = false;
	#began = 0;
	#flushTimer: NodeJS.Timeout | null = null;
	#retryTimer: NodeJS.Timeout | null = null;
	#backoff = BACKOFF;
	/** When a person was last told that records are dropped. */
	#toldDropped = Number.NEGATIVE_INFINITY;
	#closing = false;
	#idle: (() => void)[] = [];
	#closed: (() => void) | null = null;
	readonly #tried: () => void;

	constructor(options: WriterLinkOptions) {
		this.#o = options;
		this.#builder = new BatchBuilder(options.describe);
		const { promise, resolve } = Promise.withResolvers<void>();
		this.ready = promise;
		this.#tried = resolve;
		this.#start();
	}

	get waiting(): number {
		return this.#queued + this.#builder.size;
	}

	/** Age of the oldest record that is not in the file, ms. */
	get lag(): number {
		const began = this.#queue[0]?.began ?? (this.#builder.size > 0 ? this.#began : null);
		return began === null ? 0 : Math.max(0, Date.now() - began);
	}

	/** The last quarter of the room is for what is `rare`: a flood of what is allowed takes no denial's place. */
	add(put: (builder: BatchBuilder) => void, rare = false): void {
		const room = rare ? this.#o.buffer : Math.floor(this.#o.buffer * 0.75);
		if (this.state === "off" || this.#closing || this.waiting >= room) {
			this.#drop();
			return;
		}
		if (this.#builder.size === 0) this.#began = Date.now();
		put(this.#builder);
		if (this.#builder.size >= ROWS) this.#seal();
		else this.#flushTimer ??= setTimeout(() => this.#seal(), FLUSH);
	}

	check(): void {
		this.#post({ type: "check" });
	}

	/** When all that waits now is in the file, or given up. */
	flush(): Promise<void> {
		this.#seal();
		if (this.#queue.length === 0 || this.state === "off") return Promise.resolve();
		return new Promise((resolve) => this.#idle.push(resolve));
	}

	async close(): Promise<void> {
		if (this.#closing) return;
		await Promise.race([this.flush(), after(PATIENCE)]);
		this.#closing = true;
		this.counts.dropped += this.waiting;
		this.#clearTimers();
		const worker = this.#worker;
		if (worker !== null) {
			const closed = new Promise<void>((resolve) => {
				this.#closed = resolve;
			});
			this.#post({ type: "close" });
			await Promise.race([closed, after(PATIENCE)]);
			await worker.terminate();
		}
		this.state = "off";
	}

	#start(): void {
		const { file, maxAge, maxBytes, startWorker = start } = this.#o;
		this.#sent = false;
		const worker = startWorker({ file, maxAge, maxBytes, boot: this.#boot, fresh: this.#fresh });
		this.#worker = worker;
		let reason = "it ended";
		worker.unref();
		worker.on("message", (message: FromWriter) => this.#hear(message));
		worker.on("error", (error) => {
			reason = error instanceof Error ? error.message : String(error);
		});
		worker.on("exit", () => this.#died(reason));
	}

	#hear(message: FromWriter): void {
		this.#tried();
		switch (message.type) {
			case "opened":
				this.#fresh = false;
				this.#figures(message.figures);
				if (message.failure !== null) this.#fail(message.failure);
				this.#well();
				this.#o.onOpened();
				this.#pump();
				break;
			case "written":
				this.#figures(message.figures);
				this.#written();
				break;
			case "figures":
				this.#figures(message.figures);
				break;
			case "failed":
				if (message.batch) this.#sent = false;
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
		const { size } = this.#builder;
		if (size === 0) return;
		this.#queue.push({ batch: this.#builder.take(), size, began: this.#began });
		this.#queued += size;
		this.#pump();
	}

	/* In state "waiting" the retry timer sends. */
	#pump(): void {
		const next = this.#queue[0];
		if (this.state === "writing" && !this.#sent && next !== undefined) this.#send(next.batch);
	}

	#send(batch: Batch): void {
		this.#sent = true;
		this.#post({ type: "batch", batch });
	}

	#written(): void {
		this.#sent = false;
		const done = this.#queue.shift();
		if (done !== undefined) {
			this.#queued -= done.size;
			this.counts.written += done.size;
			this.lastWrite = Date.now();
		}
		this.#well();
		if (this.#queue.length === 0) this.#wake();
		this.#pump();
	}

	#well(): void {
		this.#backoff = BACKOFF;
		this.state = "writing";
		if (this.failure === null) return;
		this.failure = null;
		this.#o.onFailure(null);
	}

	#fail(failure: HistoryFailure): void {
		this.state = "waiting";
		/* The same again is not news. */
		const known = this.failure?.code === failure.code;
		this.failure = known && this.failure !== null ? { ...failure, time: this.failure.time } : failure;
		if (known) return;
		this.counts.failures++;
		this.#o.onFailure(failure);
	}

	#retry(): void {
		if (this.#retryTimer !== null || this.#closing) return;
		this.#retryTimer = setTimeout(() => {
			this.#retryTimer = null;
			if (this.#worker === null) this.#start();
			else if (!this.#sent) {
				const head = this.#queue[0];
				/* Nothing waits: an empty batch finds out whether the file can be written again. */
				if (head === undefined) this.#queue.push({ batch: EMPTY, size: 0, began: Date.now() });
				this.#send(head?.batch ?? EMPTY);
			}
		}, this.#backoff);
		this.#backoff = Math.min(this.#backoff * 2, BACKOFF_MAX);
	}

	#died(reason: string): void {
		this.#worker = null;
		this.#tried();
		this.#closed?.();
		if (this.#closing || this.state === "off") return;
		this.counts.restarts++;
		const message = `The thread that writes the history died (${reason}); it is started again: ${this.#o.file}`;
		this.#fail({ code: "writer_died", message, time: Date.now() });
		this.#retry();
	}

	#giveUp(): void {
		this.state = "off";
		this.counts.dropped += this.waiting;
		this.#queue.length = 0;
		this.#queued = 0;
		this.#builder.take();
		this.#clearTimers();
		this.#wake();
	}

	#drop(): void {
		this.counts.dropped++;
		if (this.failure !== null || this.state === "off" || Date.now() - this.#toldDropped < NEWS) return;
		this.#toldDropped = Date.now();
		const message = `Records come faster than the history's file takes them; some are lost and counted: ${this.#o.file}`;
		this.#o.onFailure({ code: "dropped", message, time: Date.now() });
	}

	#wake(): void {
		const idle = this.#idle;
		this.#idle = [];
		for (const resolve of idle) resolve();
	}

	#clearTimers(): void {
		if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
		if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
		this.#flushTimer = null;
		this.#retryTimer = null;
	}

	#figures(figures: Figures): void {
		this.figures = figures;
	}

	#post(message: ToWriter): void {
		this.#worker?.postMessage(message);
	}
}

interface Waiting {
	readonly batch: Batch;
	readonly size: number;
	readonly began: number;
}

const EMPTY: Batch = {
	rows: 0,
	numbers: new Float64Array(0),
	texts: [""],
	who: [],
	answers: [],
	policyChanges: [],
	starts: [],
};

const ROWS = 2_000;
/* ms. With the time to write it, within half a second. */
const FLUSH = 250;
const BACKOFF = 100;
const BACKOFF_MAX = 10_000;
const PATIENCE = 2_000;
/* While records are dropped it is told once a minute. */
const NEWS = 60_000;

function start(data: WriterData): Worker {
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
