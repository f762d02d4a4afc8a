import { BoundedMap } from "../base/lru.ts";
import { PROTOCOL } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";
import { Ring } from "./ring.ts";

/** The records that memory holds, found by socket: so many that are open, and the last that have ended. */
export class RecordsKept {
	readonly #tcp: BoundedMap<number, Connection>;
	readonly #flows: BoundedMap<string, Connection>;
	readonly #finished: Ring<Connection>;

	constructor(live: number, finished: number) {
		this.#tcp = new BoundedMap(live);
		this.#flows = new BoundedMap(live);
		this.#finished = new Ring(finished);
	}

	/** Open connections and flows, then ended ones and DNS questions; no order in time. */
	*all(): Generator<Connection> {
		yield* this.#tcp.values();
		yield* this.#flows.values();
		yield* this.#finished.values();
	}

	openTcp(): MapIterator<Connection> {
		return this.#tcp.values();
	}

	openFlows(): MapIterator<Connection> {
		return this.#flows.values();
	}

	tcp(cookie: number): Connection | undefined {
		return this.#tcp.get(cookie);
	}

	/** Not TCP: one socket may have several. */
	flow(cookie: number, remote: string, remotePort: number, protocol: number): Connection | undefined {
		return this.#flows.get(flowKey(cookie, remote, remotePort, protocol));
	}

	get sizes(): { readonly live: number; readonly finished: number } {
		return { live: this.#tcp.size + this.#flows.size, finished: this.#finished.size };
	}

	/** DNS questions among the finished records; counted anew at each call. */
	get questions(): number {
		let count = 0;
		for (const { dns } of this.#finished.values()) if (dns) count++;
		return count;
	}

	/** Returns the one that made room. */
	open(connection: Connection): Connection | undefined {
		return connection.protocol === PROTOCOL.tcp
			? this.#tcp.set(connection.cookie, connection)
			: this.#flows.set(keyOf(connection), connection);
	}

	/** One that was never open: a DNS question. */
	add(connection: Connection): void {
		this.#finished.push(connection);
	}

	/** An open one has ended. */
	end(connection: Connection): void {
		if (connection.protocol !== PROTOCOL.tcp) this.#flows.delete(keyOf(connection));
		else if (this.#tcp.get(connection.cookie) === connection) this.#tcp.delete(connection.cookie);
		this.#finished.push(connection);
	}
}

function flowKey(cookie: number, remote: string, remotePort: number, protocol: number): string {
	return `${cookie} ${remotePort} ${protocol} ${remote}`;
}

function keyOf({ cookie, remote, remotePort, protocol }: Connection): string {
	return flowKey(cookie, remote, remotePort, protocol);
}
