import { TIMES } from "../base/config.ts";
import type { Connection } from "../records/connection.ts";
import type { ConnectionTable } from "./connection-table.ts";
import type { Answer } from "./name-book.ts";

export interface RecorderOptions {
	readonly table: ConnectionTable;
	readonly history: { record(connection: Connection): void; recordAnswer(answer: Answer): void };
	/** Age, ms, at which an open connection is written for the first time. */
	readonly settle: number;
	/** ms between writes of open connections that have changed. */
	readonly refresh: number;
}

/**
 * Tells history of each connection: when it has ended or settled, again when it is denied later or ends, and every now and then
 * while it is open and its counters move. `flush` tells everything that history does not know yet, for a question that must see it.
 */
export class Recorder {
	readonly #o: RecorderOptions;
	/** In the order in which they came, with the time. */
	readonly #pending = new Map<Connection, number>();
	/** `last` of open connections when they were written. */
	#written = new Map<Connection, number>();
	readonly #unwatch: () => void;
	#timer: NodeJS.Timeout | null = null;
	readonly #refresher: NodeJS.Timeout;

	constructor(options: RecorderOptions) {
		this.#o = options;
		this.#unwatch = options.table.watch({
			opened: (connection) => this.#wait(connection),
			denied: (connection) => this.#wait(connection),
			ended: (connection) => this.#write(connection),
			answered: (answer, question) => {
				options.history.recordAnswer(answer);
				if (question !== null) this.#wait(question);
			},
		});
		this.#refresher = setInterval(() => this.#refresh(), options.refresh);
		this.#refresher.unref();
	}

	/** Everything as it is now. */
	flush(): void {
		for (const connection of this.#pending.keys()) this.#write(connection);
		this.#refresh();
	}

	close(): void {
		this.#unwatch();
		if (this.#timer !== null) clearTimeout(this.#timer);
		clearInterval(this.#refresher);
		this.flush();
	}

	#wait(connection: Connection): void {
		if (!this.#pending.has(connection)) this.#pending.set(connection, Date.now());
		this.#timer ??= setTimeout(() => this.#tick(), TICK);
	}

	#tick(): void {
		this.#timer = null;
		const due = Date.now() - this.#o.settle;
		for (const [connection, since] of this.#pending) {
			if (since > due) break;
			this.#write(connection);
		}
		if (this.#pending.size > 0) this.#timer = setTimeout(() => this.#tick(), TICK);
	}

	#write(connection: Connection): void {
		this.#pending.delete(connection);
		if (connection.ended) this.#written.delete(connection);
		else this.#written.set(connection, connection.last);
		this.#o.history.record(connection);
	}

	/* UDP counters come with a sweep, and no event tells of them. */
	#refresh(): void {
		for (const [connection, last] of this.#written) if (connection.last !== last) this.#write(connection);
	}
}

/** ms */
const TICK = TIMES.settleTick;
