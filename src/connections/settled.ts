import { TIMES } from "../base/config.ts";
import type { Connection } from "../records/connection.ts";
import type { ConnectionTable } from "./connection-table.ts";
import { Settling } from "./settling.ts";

export interface StreamOptions {
	readonly table: Pick<ConnectionTable, "watch">;
	/** Age at which an open connection is reported [ms]. A DNS question is reported at the next tick, with the answers until then. */
	readonly settle: number;
	readonly emit: (connection: Connection) => void;
}

/**
 * Reports each connection once. A denied one is reported immediately. Others are reported when they end or reach the age
 * `settle`, because their name and the verdict by name follow after the opening. A connection that a new policy denies later is
 * reported again, with the same id.
 */
export class SettledStream {
	readonly #emit: (connection: Connection) => void;
	readonly #settling: Settling;
	readonly #unwatch: () => void;

	constructor({ table, settle, emit }: StreamOptions) {
		this.#emit = emit;
		this.#settling = new Settling({ wait: ({ dns }) => (dns ? TIMES.settleTick : settle), settled: emit });
		this.#unwatch = table.watch({
			opened: (connection) => this.#settling.add(connection),
			denied: (connection) => {
				this.#settling.remove(connection);
				this.#emit(connection);
			},
			ended: (connection) => {
				if (this.#settling.remove(connection)) this.#emit(connection);
			},
		});
	}

	/** Reports the connections that wait, and stops. */
	close(): void {
		this.#unwatch();
		this.#settling.stop();
		this.#settling.flush();
	}
}
