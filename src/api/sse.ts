import type { ServerResponse } from "node:http";

export interface SseOptions {
	/** Interval of the comments that keep the connection alive [ms]. */
	readonly heartbeat: number;
	/** A reader that receives nothing for this long is disconnected [ms]. */
	readonly stalled: number;
}

/** Sends server-sent events to one reader at the pace of the reader: only the socket's buffer holds unsent events. */
export class SseWriter {
	closed = false;
	readonly #raw: ServerResponse;
	readonly #o: SseOptions;
	readonly #listeners: (() => void)[] = [];
	#resume: (() => void) | null = null;
	#timer: NodeJS.Timeout | null = null;

	constructor(raw: ServerResponse, options: SseOptions) {
		this.#raw = raw;
		this.#o = options;
		raw.on("close", () => this.#close());
		raw.on("error", () => this.#close());
		raw.on("drain", () => this.#resume?.());
	}

	onClosed(listener: () => void): void {
		this.#listeners.push(listener);
	}

	open(): void {
		this.#raw.writeHead(200, {
			"content-type": "text/event-stream; charset=utf-8",
			"cache-control": "no-store",
			"x-content-type-options": "nosniff",
			"x-accel-buffering": "no",
		});
		this.#raw.write("retry: 2000\n\n");
		this.#timer = setInterval(() => {
			if (this.#resume === null) this.#raw.write(":\n\n");
		}, this.#o.heartbeat);
	}

	/** Resolves when the socket accepts more. `data` must be one line. */
	async send(event: string, data: string, id: string | null): Promise<void> {
		if (this.closed) return;
		const head = id === null ? "" : `id: ${id}\n`;
		if (this.#raw.write(`${head}event: ${event}\ndata: ${data}\n\n`)) return;
		await this.#drained();
	}

	#drained(): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<void>();
		const patience = setTimeout(() => this.#raw.destroy(), this.#o.stalled);
		this.#resume = () => {
			clearTimeout(patience);
			this.#resume = null;
			resolve();
		};
		return promise;
	}

	#close(): void {
		if (this.closed) return;
		this.closed = true;
		if (this.#timer !== null) clearInterval(this.#timer);
		this.#resume?.();
		for (const listener of this.#listeners.splice(0)) listener();
	}
}
