import type { Connection } from "../connections/connection.ts";
import type { ConnectionTable } from "../connections/table.ts";

export interface HistoryFeedOptions {
	readonly table: Pick<ConnectionTable, "watch">;
	readonly record: (connection: Connection) => void;
	/** Age, ms, at which an open connection is written; what ends sooner is written once. */
	readonly settle: number;
}

/**
 * Hands connections to the history: when they have ended or settled, and again when they are denied later or end. What waits is
 * in the order in which it came, so a tick looks at what is due and no more. No timer runs while nothing waits.
 */
export class HistoryFeed {
	readonly #o: HistoryFeedOptions;
	readonly #waiting = new Map<Connection, number>();
	readonly #unwatch: () => void;
	#timer: NodeJS.Timeout | null = null;

	constructor(options: HistoryFeedOptions) {
		this.#o = options;
		this.#unwatch = options.table.watch({
			opened: (connection) => this.#wait(connection),
			denied: (connection) => this.#changed(connection),
			ended: (connection) => this.#over(connection),
		});
	}

	/** Hands over what waits, and stops. */
	close(): void {
		this.#unwatch();
		if (this.#timer !== null) clearTimeout(this.#timer);
		for (const connection of this.#waiting.keys()) this.#o.record(connection);
		this.#waiting.clear();
	}

	#wait(connection: Connection): void {
		this.#waiting.set(connection, Date.now());
		this.#timer ??= setTimeout(() => this.#tick(), TICK);
	}

	/* A question's answers come after it; so it waits even where it is over from the start. */
	#over(connection: Connection): void {
		this.#waiting.delete(connection);
		this.#o.record(connection);
	}

	/* What still waits will tell it. */
	#changed(connection: Connection): void {
		if (!this.#waiting.has(connection)) this.#wait(connection);
	}

	#tick(): void {
		this.#timer = null;
		const due = Date.now() - this.#o.settle;
		for (const [connection, since] of this.#waiting) {
			if (since > due) break;
			this.#waiting.delete(connection);
			this.#o.record(connection);
		}
		if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#tick(), TICK);
	}
}

/** ms */
const TICK = 100;
