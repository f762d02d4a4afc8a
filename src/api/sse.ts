import type { ServerResponse } from "node:http";

export interface SseOptions {
	/** ms between comments that keep the connection alive. */
	readonly heartbeat: number;
	/** ms that a reader may take nothing before it is hung up on. */
	readonly stalled: number;
}

/** Server-sent events to one reader, at the reader's pace: nothing is queued but what the socket holds. */
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

	/** Resolves when there is room for more. `data` is one line. */
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
