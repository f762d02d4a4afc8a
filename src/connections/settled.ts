import { TIMES } from "../base/config.ts";
import type { Connection } from "../records/connection.ts";
import type { ConnectionTable } from "./connection-table.ts";

export interface StreamOptions {
	readonly table: ConnectionTable;
	/** Age, ms, at which an open connection is told. DNS questions are told as soon as their answers had time to come. */
	readonly settle: number;
	readonly emit: (connection: Connection) => void;
}

/**
 * Each connection once, when there is something to say: at once if it is denied, else when it has ended or is a second old, so that a name
 * and a verdict by name are in it. A connection that is denied after it was told (a new policy) is told again, under the same id.
 * No timer runs while nothing waits.
 */
export class SettledStream {
	readonly #o: StreamOptions;
	readonly #pending = new Set<Connection>();
	readonly #unwatch: () => void;
	#timer: NodeJS.Timeout | null = null;

	constructor(options: StreamOptions) {
		this.#o = options;
		this.#unwatch = options.table.watch({
			opened: (connection) => this.#wait(connection),
			denied: (connection) => this.#tell(connection),
			ended: (connection) => {
				if (this.#pending.has(connection)) this.#tell(connection);
			},
		});
	}

	/** Tells what waits, and stops. */
	close(): void {
		this.#unwatch();
		if (this.#timer !== null) clearTimeout(this.#timer);
		for (const connection of this.#pending) this.#tell(connection);
	}

	#wait(connection: Connection): void {
		this.#pending.add(connection);
		this.#timer ??= setTimeout(() => this.#tick(), TICK);
	}

	#tick(): void {
		this.#timer = null;
		const now = Date.now();
		for (const connection of this.#pending) {
			if (now - connection.first >= (connection.dns ? TICK : this.#o.settle)) this.#tell(connection);
		}
		if (this.#pending.size > 0) this.#timer = setTimeout(() => this.#tick(), TICK);
	}

	#tell(connection: Connection): void {
		this.#pending.delete(connection);
		this.#o.emit(connection);
	}
}

/** ms */
const TICK = TIMES.settleTick;
