import { TIMES } from "../base/config.ts";
import type { Connection } from "../records/connection.ts";
import type { ConnectionTable } from "./connection-table.ts";
import { Settling } from "./settling.ts";

export interface StreamOptions {
	readonly table: Pick<ConnectionTable, "watch">;
	/** Age at which an open connection is reported [ms]. A DNS question is reported at the next tick, with the answers until then. */
	readonly settle: number;
	readonly emit: (connection: Connection) => void;
	/** Age at which the new count of a denial is reported, with the same id [ms]. Default: never. */
	readonly repeats?: number;
}

/**
 * Reports each connection once. A denied one is reported immediately. Others are reported when they end or reach the age
 * `settle`, because their name and the verdict by name follow after the opening. A connection that a new policy denies later is
 * reported again, with the same id.
 */
export class SettledStream {
	readonly #emit: (connection: Connection) => void;
	readonly #settling: Settling;
	readonly #recounting: Settling;
	readonly #unwatch: () => void;

	constructor({ table, settle, emit, repeats }: StreamOptions) {
		this.#emit = (connection) => {
			connection.shown = true;
			emit(connection);
		};
		this.#settling = new Settling({
			wait: ({ dns }) => (dns ? TIMES.settleTick : settle),
			settled: this.#emit,
		});
		this.#recounting = new Settling({ wait: () => repeats ?? 0, settled: this.#emit });
		this.#unwatch = table.watch({
			opened: (connection) => this.#settling.add(connection),
			denied: (connection) => {
				this.#settling.remove(connection);
				this.#emit(connection);
			},
			repeated: (connection) => {
				if (repeats !== undefined) this.#recounting.add(connection);
			},
			absorbed: (connection) => void this.#settling.remove(connection),
			ended: (connection) => {
				if (this.#settling.remove(connection)) this.#emit(connection);
			},
		});
	}

	/** Reports the connections that wait, and stops. */
	close(): void {
		this.#unwatch();
		for (const each of [this.#settling, this.#recounting]) {
			each.stop();
			each.flush();
		}
	}
}
