import { setTimeout as sleep } from "node:timers/promises";
import { BoundedMap } from "../base/bounded.ts";
import type { ConnectionView } from "../records/view.ts";
import { requestText } from "./client.ts";
import { serverEvents } from "./sse.ts";

/** A connection as `observe` has seen it, and the enforcing daemon's record of it. Null: that record has not come. */
export type Joined = (own: ConnectionView, enforced: ConnectionView | null) => void;

/**
 * Joins the connections of an observer with the records of the daemon that enforces beside it. Both have events of the
 * same moment, by the same clock. Each own connection is emitted once, and again if the daemon denies it later.
 */
export class EnforcedRecords {
	readonly #emit: Joined;
	/** Records of the daemon without an own connection yet, and own ones without a record yet, by key. */
	readonly #enforced = new Map<string, Waiting[]>();
	readonly #own = new Map<string, Waiting[]>();
	/** Own connections by the id of the daemon's record. */
	readonly #joined = new BoundedMap<number, ConnectionView>(JOINED);

	constructor(emit: Joined) {
		this.#emit = emit;
	}

	/** A connection that the observer has seen. */
	own(connection: ConnectionView): void {
		const match = take(this.#enforced, connection);
		if (match === null) this.#wait(this.#own, connection, () => this.#emit(connection, null));
		else this.#join(connection, match);
	}

	/** A record of the daemon. */
	enforced(record: ConnectionView): void {
		const match = this.#joined.get(record.id) ?? take(this.#own, record);
		if (match === null) this.#wait(this.#enforced, record, () => {});
		else this.#join(match, record);
	}

	/** Emits the own connections that wait. */
	close(): void {
		const own = [...this.#own.values()].flat();
		for (const { timer } of [...own, ...[...this.#enforced.values()].flat()]) clearTimeout(timer);
		this.#own.clear();
		for (const { connection } of own) this.#emit(connection, null);
	}

	#join(own: ConnectionView, record: ConnectionView): void {
		this.#joined.set(record.id, own);
		this.#emit(own, record);
	}

	#wait(table: Map<string, Waiting[]>, connection: ConnectionView, late: () => void): void {
		const timer = setTimeout(() => {
			if (remove(table, waiting)) late();
		}, PATIENCE);
		const waiting = { connection, timer };
		add(table, waiting);
	}
}

/** Reads the daemon's stream until `over`, and reconnects when the stream ends. */
export async function followEnforced(socket: string, records: EnforcedRecords, over: AbortSignal): Promise<void> {
	while (!over.aborted) {
		try {
			const parts = requestText({ socket, path: "/v1/stream", accept: "text/event-stream", timeout: 0, signal: over });
			for await (const { event, data } of serverEvents(parts))
				if (event === "connection") records.enforced(JSON.parse(data) as ConnectionView);
		} catch {
			/* The daemon has ended or restarts. Until it answers, own connections have no record. */
		}
		await sleep(RETRY, undefined, { signal: over }).catch(() => {});
	}
}

interface Waiting {
	readonly connection: ConnectionView;
	readonly timer: NodeJS.Timeout;
}

/** Longest wait for the other record [ms]: both are reported at the age of one second, with ticks of 200 ms. */
const PATIENCE = 2_500;
/**
 * Largest difference of the two times of one connection [ms]. Both come from the same call of the program, some
 * microseconds apart.
 */
const TOLERANCE = 50;
/** Joined connections that may be denied later. */
const JOINED = 4_096;
/** [ms] */
const RETRY = 1_000;

function add(table: Map<string, Waiting[]>, waiting: Waiting): void {
	const key = keyOf(waiting.connection);
	const others = table.get(key);
	if (others === undefined) table.set(key, [waiting]);
	else others.push(waiting);
}

/* Removes and returns the one that is nearest in time. */
function take(table: Map<string, Waiting[]>, like: ConnectionView): ConnectionView | null {
	const time = Date.parse(like.first);
	const apart = ({ connection }: Waiting) => Math.abs(Date.parse(connection.first) - time);
	const [nearest] = (table.get(keyOf(like)) ?? []).toSorted((a, b) => apart(a) - apart(b));
	if (nearest === undefined || apart(nearest) > TOLERANCE) return null;
	clearTimeout(nearest.timer);
	remove(table, nearest);
	return nearest.connection;
}

function remove(table: Map<string, Waiting[]>, waiting: Waiting): boolean {
	const key = keyOf(waiting.connection);
	const others = table.get(key)?.filter((each) => each !== waiting) ?? [];
	const found = others.length !== (table.get(key)?.length ?? 0);
	if (others.length === 0) table.delete(key);
	else table.set(key, others);
	return found;
}

function keyOf({ kind, process, protocol, remote, remotePort, name, query }: ConnectionView): string {
	const question = kind === "dns" ? `${name} ${query?.type}` : "";
	return [kind, process?.pid, protocol, remote, remotePort, question].join(" ");
}
