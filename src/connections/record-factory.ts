import type { CgroupTable } from "../identity/cgroup-table.ts";
import type { ProcessInfo, ProcessTable } from "../identity/process-table.ts";
import type { EventHead } from "../native/event-views.ts";
import type { Cursor } from "../native/events.ts";
import { Connection } from "../records/connection.ts";
import type { Clock } from "../system/clock.ts";

export interface FactoryOptions {
	readonly processes: ProcessTable;
	readonly cgroups: CgroupTable;
	readonly clock: Clock;
	/** The id of a record that began at `first` (wall clock, ms). Default: 1, 2, 3 and so on. */
	readonly nextId?: (first: number) => number;
}

/** Both ends of a connection, as an event has them. */
export interface Endpoints {
	readonly protocol: number;
	readonly remote: string;
	readonly remotePort: number;
	readonly local: string;
	readonly localPort: number;
}

/** Makes the records of connections and DNS questions. */
export class RecordFactory {
	readonly #o: FactoryOptions;
	/** From CLOCK_MONOTONIC to the wall clock [ms]. */
	#offset = 0;
	#nextId = 1;

	constructor(options: FactoryOptions) {
		this.#o = options;
	}

	beginBatch(): void {
		this.#offset = this.#o.clock.offset();
		this.#o.processes.beginBatch();
	}

	/** Time of the event, wall clock [ms]. */
	wallClock({ time }: EventHead): number {
		return time / 1e6 + this.#offset;
	}

	/** The process of an event. */
	processOf(event: EventHead & { readonly uid: number }, at: Cursor): ProcessInfo | null {
		return this.#o.processes.of(event, event.uid, () => at.comm());
	}

	/** From the first event of a connection, or from a DNS question. */
	fromDecision(event: EventHead & Endpoints & { readonly uid: number }, at: Cursor, dns: boolean): Connection {
		return this.#make(event, this.processOf(event, at), event.uid, dns);
	}

	/** From the end of a connection that has no record. */
	fromEnd(event: EventHead & Endpoints): Connection {
		const process = this.#o.processes.of(event, 0, null);
		return this.#make(event, process, process?.uid ?? 0, false);
	}

	#make(event: EventHead & Endpoints, process: ReturnType<ProcessTable["of"]>, uid: number, dns: boolean): Connection {
		const first = this.wallClock(event);
		return new Connection({
			id: this.#o.nextId?.(first) ?? this.#nextId++,
			cookie: event.cookie,
			dns,
			first,
			process,
			uid,
			cgroup: this.#o.cgroups.of(event.cgroupId),
			protocol: event.protocol,
			remote: event.remote,
			remotePort: event.remotePort,
			local: event.local,
			localPort: event.localPort,
		});
	}
}
