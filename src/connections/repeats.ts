import { BoundedMap } from "../base/bounded.ts";
import type { ProcessInfo } from "../identity/process-table.ts";
import type { DecisionEvent } from "../native/event-views.ts";
import type { Connection } from "../records/connection.ts";

export interface RepeatsOptions {
	/** Kinds in memory. The oldest is evicted, and its next denial has a record again. */
	readonly kinds: number;
	/** Processes of a kind that have a record each. The others are counted in the last of them. */
	readonly processes: number;
	/** [ms] From the first denial of a kind until the next one has a record again. */
	readonly window: number;
}

/**
 * Records of recent denials, by kind. A denial of the same kind is counted in the record of the first one, so that a flood of them is a
 * few records. docs/decisions/0014-shares.md has the reasons.
 */
export class Repeats {
	/** Denials that were counted in an earlier record. */
	counted = 0;
	readonly #kinds: BoundedMap<string, Kind>;
	readonly #o: RepeatsOptions;

	constructor(options: RepeatsOptions) {
		this.#o = options;
		this.#kinds = new BoundedMap(options.kinds);
	}

	/**
	 * The earlier record in which the denial of a new one is counted. Null: the record is kept, because it is the first of its kind or has
	 * been shown. `what`: differs between denials that are not of the same kind, beyond what the event tells.
	 */
	earlier(record: Connection, event: DecisionEvent, what: string): Connection | null {
		const kind = kindOf(event, record.process, what);
		const known = this.#kinds.get(kind);
		if (known === undefined || event.time - known.since >= this.#o.window * 1e6) {
			this.#kinds.set(kind, { since: event.time, records: [record] });
			return null;
		}
		const { records } = known;
		const own = records.find(({ process }) => process === record.process);
		const earlier = own ?? (records.length < this.#o.processes ? undefined : records.at(-1));
		if (earlier === undefined) records.push(record);
		return earlier === undefined || earlier === record || record.shown ? null : earlier;
	}

	/** Counts a denial in the record. `time`: wall clock [ms]. */
	count(record: Connection, time: number): void {
		this.counted++;
		record.count++;
		record.last = Math.max(record.last, time);
	}

	/** Adds the bytes of a connection that has ended to the record in which it is counted. */
	addBytes({ countedIn, bytesOut, bytesIn }: Connection): void {
		if (countedIn === null) return;
		countedIn.bytesOut += bytesOut;
		countedIn.bytesIn += bytesIn;
	}
}

/** What a reader of the history would tell apart. The program of the process counts, its arguments do not. */
function kindOf(event: DecisionEvent, process: ProcessInfo | null, what: string): string {
	const { cgroupId, uid, phase, reason, rule, generation, protocol, remotePort, nameHash, remote } = event;
	const program = process === null ? "" : `${process.comm}\0${process.device}\0${process.exe ?? process.leafFirst}`;
	return `${cgroupId} ${uid} ${phase} ${reason} ${rule} ${generation} ${protocol} ${remotePort} ${nameHash} ${remote}${program}\0${what}`;
}

interface Kind {
	/** CLOCK_MONOTONIC [ns] of the first denial. */
	readonly since: number;
	readonly records: Connection[];
}
