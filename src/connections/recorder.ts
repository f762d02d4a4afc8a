import type { Connection } from "../records/connection.ts";
import type { History } from "../records/contract.ts";
import type { ConnectionTable } from "./connection-table.ts";
import { Settling } from "./settling.ts";

export interface RecorderOptions {
	readonly table: Pick<ConnectionTable, "watch">;
	readonly history: Pick<History, "record" | "recordAnswer">;
	/** Age at which an open connection is written for the first time [ms]. */
	readonly settle: number;
	/** Age at which the new count of a record is written [ms]. */
	readonly recount: number;
	/** Interval between writes of open connections that have changed [ms]. */
	readonly refresh: number;
}

/**
 * Writes each connection to history when it has ended or settled, and again when it is denied or ends later. An open connection is also
 * written every `refresh` ms if its counters have changed.
 */
export class Recorder {
	readonly #history: RecorderOptions["history"];
	readonly #settling: Settling;
	/** Records whose count has changed: a flood changes it all the time. */
	readonly #recounting: Settling;
	/** `last` of each open connection at its latest write. */
	readonly #written = new Map<Connection, number>();
	readonly #unwatch: () => void;
	readonly #refresher: NodeJS.Timeout;

	constructor({ table, history, settle, recount, refresh }: RecorderOptions) {
		this.#history = history;
		this.#settling = new Settling({ wait: () => settle, settled: (connection) => this.#write(connection) });
		this.#recounting = new Settling({ wait: () => recount, settled: (connection) => this.#write(connection) });
		this.#unwatch = table.watch({
			opened: (connection) => this.#settling.add(connection),
			denied: (connection) => this.#settling.add(connection),
			ended: (connection) => {
				this.#settling.remove(connection);
				this.#write(connection);
			},
			repeated: (connection) => this.#recounting.add(connection),
			changed: (connection) => this.#settling.add(connection),
			absorbed: (connection) => void this.#settling.remove(connection),
			answered: (answer, question) => {
				history.recordAnswer(answer);
				if (question !== null) this.#settling.add(question);
			},
			resolved: (question) => this.#settling.add(question),
		});
		this.#refresher = setInterval(() => this.#refresh(), refresh);
		this.#refresher.unref();
	}

	/** Writes every change that history lacks. */
	flush(): void {
		this.#settling.flush();
		this.#recounting.flush();
		this.#refresh();
	}

	close(): void {
		this.#unwatch();
		this.#settling.stop();
		this.#recounting.stop();
		clearInterval(this.#refresher);
		this.flush();
	}

	#write(connection: Connection): void {
		if (connection.ended) this.#written.delete(connection);
		else this.#written.set(connection, connection.last);
		connection.shown = true;
		this.#history.record(connection);
	}

	/* A sweep updates the counters of UDP flows without an event. */
	#refresh(): void {
		for (const [connection, last] of this.#written) {
			if (connection.last === last) continue;
			this.#settling.remove(connection);
			this.#write(connection);
		}
	}
}
