import { BoundedMap, Ring } from "../base/bounded.ts";
import { PROTOCOL } from "../native/layout.ts";
import type { Connection } from "../records/connection.ts";

/** Numbers of records in memory. */
export interface RecordCounts {
	/** Open connections. */
	readonly live: number;
	/** Connections that have ended. */
	readonly finished: number;
	/** DNS questions. */
	readonly questions: number;
}

/** The records in memory: open connections by socket, and the last connections that have ended and DNS questions. */
export class RecordsKept {
	readonly #tcp: BoundedMap<number, Connection>;
	readonly #flows: BoundedMap<string, Connection>;
	/** Ended connections and questions, in one ring. */
	readonly #finished: Ring<Connection>;
	#questions = 0;
	/** TCP connections whose socket was released, each at a place that its cookie gives. */
	readonly #released: (Connection | undefined)[] = [];

	/** `live`: open TCP connections, and as many open flows of other protocols. `finished`: ended connections and questions. */
	constructor(live: number, finished: number) {
		this.#tcp = new BoundedMap(live);
		this.#flows = new BoundedMap(live);
		this.#finished = new Ring(finished);
	}

	/** Open connections and flows, followed by ended ones and DNS questions. Not ordered by time. */
	*all(): Generator<Connection> {
		for (const connection of this.#tcp.values()) if (connection.countedIn === null) yield connection;
		yield* this.#flows.values();
		yield* this.#finished.values();
	}

	openTcp(): MapIterator<Connection> {
		return this.#tcp.values();
	}

	openFlows(): MapIterator<Connection> {
		return this.#flows.values();
	}

	/** The open TCP connection of the socket. */
	tcp(cookie: number): Connection | undefined {
		return this.#tcp.get(cookie);
	}

	/** The open flow of another protocol than TCP. One socket may have several. */
	flow(cookie: number, remote: string, remotePort: number, protocol: number): Connection | undefined {
		return this.#flows.get(flowKey(cookie, remote, remotePort, protocol));
	}

	get sizes(): RecordCounts {
		const questions = this.#questions;
		return { live: this.#tcp.size + this.#flows.size, finished: this.#finished.size - questions, questions };
	}

	/** Returns the connection that was evicted, if one was. */
	open(connection: Connection): Connection | undefined {
		return connection.protocol === PROTOCOL.tcp
			? this.#tcp.set(connection.cookie, connection)
			: this.#flows.set(keyOf(connection), connection);
	}

	addQuestion(question: Connection): void {
		this.#finish(question);
	}

	/** An open connection has ended, or one that was never in memory. */
	end(connection: Connection): void {
		this.remove(connection);
		this.#finish(connection);
	}

	/** An open connection that has no record of its own. */
	remove(connection: Connection): void {
		if (connection.protocol !== PROTOCOL.tcp) this.#flows.delete(keyOf(connection));
		else if (this.#tcp.get(connection.cookie) === connection) this.#tcp.delete(connection.cookie);
	}

	/** The socket of the connection was released. Events of its last packets may follow. */
	released(connection: Connection): void {
		this.#released[placeOf(connection.cookie)] = connection;
	}

	/** The TCP connection whose socket was released, unless too many others were since. */
	closed(cookie: number, remote: string, remotePort: number): Connection | undefined {
		const found = this.#released[placeOf(cookie)];
		return found?.cookie === cookie && found.remote === remote && found.remotePort === remotePort ? found : undefined;
	}

	#finish(record: Connection): void {
		if (record.dns) this.#questions++;
		if (this.#finished.push(record)?.dns === true) this.#questions--;
	}
}

/** Identifies a flow of another protocol than TCP. `remote`: packed address. */
export function flowKey(cookie: number, remote: string, remotePort: number, protocol: number): string {
	return `${cookie} ${remotePort} ${protocol} ${remote}`;
}

function keyOf({ cookie, remote, remotePort, protocol }: Connection): string {
	return flowKey(cookie, remote, remotePort, protocol);
}

/* Cookies are consecutive numbers for each CPU, so that these are about the last sockets. */
const RELEASED = 8_192;

function placeOf(cookie: number): number {
	return Math.abs(cookie) % RELEASED;
}
