import { TIMES } from "../base/config.ts";
import type { Connection } from "../records/connection.ts";

export interface SettlingOptions {
	/** Waiting time of a connection [ms]. It ends at the next tick, up to TIMES.settleTick later. */
	readonly wait: (connection: Connection) => number;
	/** Called once for each connection when its wait ends. */
	readonly settled: (connection: Connection) => void;
}

/** Connections that wait until their name and verdict are likely to be complete. The timer runs only while one waits. */
export class Settling {
	readonly #o: SettlingOptions;
	/** Time at which each began to wait, monotonic clock [ms]: the wall clock may be set back by days. */
	readonly #waiting = new Map<Connection, number>();
	#timer: NodeJS.Timeout | null = null;

	constructor(options: SettlingOptions) {
		this.#o = options;
	}

	/** One that waits already keeps its time. */
	add(connection: Connection): void {
		if (!this.#waiting.has(connection)) this.#waiting.set(connection, performance.now());
		this.#start();
	}

	/** Ends the wait without a call of `settled`. False: it did not wait. */
	remove(connection: Connection): boolean {
		return this.#waiting.delete(connection);
	}

	/** Settles all waiting connections. */
	flush(): void {
		for (const connection of this.#waiting.keys()) this.#settle(connection);
	}

	/** Stops the timer; settles nothing. */
	stop(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = null;
	}

	#tick(): void {
		this.#timer = null;
		const now = performance.now();
		for (const [connection, since] of this.#waiting) {
			if (now - since >= this.#o.wait(connection)) this.#settle(connection);
		}
		if (this.#waiting.size > 0) this.#start();
	}

	/* A process that ends does not wait for it. */
	#start(): void {
		this.#timer ??= setTimeout(() => this.#tick(), TIMES.settleTick).unref();
	}

	#settle(connection: Connection): void {
		this.#waiting.delete(connection);
		this.#o.settled(connection);
	}
}
