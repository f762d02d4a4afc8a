import { BoundedMap } from "../base/bounded.ts";
import type { Connection } from "../records/connection.ts";
import type { Throttled } from "../records/history-status.ts";

/**
 * Shares of the records that wait for the file. Below half of the buffer nobody is limited. Above it each source has an equal part of the
 * other half, until the buffer is below half again, and one more for its rare records. A source that is the only one so far is not limited.
 */
export class QueueShares {
	readonly #half: number;
	/** Records of each source since the buffer was below half. */
	readonly #taken = { ordinary: new Map<string, number>(), rare: new Map<string, number>() };
	readonly #dropped: BoundedMap<string, Throttled>;
	#first: string | null = null;
	/** There is more than one source. */
	#several = false;

	/** `limit`: sources whose losses are remembered. */
	constructor(buffer: number, limit: number) {
		this.#half = Math.floor(buffer / 2);
		this.#dropped = new BoundedMap(limit);
	}

	/** Whether the record has room. `rare`: such as a denial. `waiting`: records in the buffer. `time`: wall clock [ms]. */
	take(connection: Connection, rare: boolean, waiting: number, time: number): boolean {
		const source = sourceOf(connection);
		this.#first ??= source;
		this.#several ||= source !== this.#first;
		if (waiting < this.#half || !this.#several) {
			for (const each of Object.values(this.#taken)) if (each.size > 0) each.clear();
			return true;
		}
		const all = rare ? this.#taken.rare : this.#taken.ordinary;
		const taken = all.get(source) ?? 0;
		const sources = all.size + (taken === 0 ? 1 : 0);
		if (taken >= this.#half / Math.max(SOURCES, sources)) {
			this.#drop(source, time);
			return false;
		}
		all.set(source, taken + 1);
		return true;
	}

	/** Sources with losses, the last ones first. */
	throttled(): Throttled[] {
		return [...this.#dropped.values()].reverse();
	}

	#drop(source: string, last: number): void {
		const { dropped, since } = this.#dropped.get(source) ?? { dropped: 0, since: last };
		this.#dropped.set(source, { source, removed: 0, dropped: dropped + 1, since, last });
	}
}

/** Parts of the upper half, if fewer sources have records: what is left is for the next ones. */
const SOURCES = 4;

/** As SOURCE in share.ts. */
export function sourceOf({ cgroup, uid }: Connection): string {
	return cgroup?.container || cgroup?.unit || cgroup?.path || `user ${uid}`;
}

/** Both lists, with one entry for each source, the last ones first. */
export function mergeThrottled(a: readonly Throttled[], b: readonly Throttled[], most: number): Throttled[] {
	const merged = new Map<string, Throttled>();
	for (const each of [...a, ...b]) {
		const other = merged.get(each.source);
		merged.set(each.source, other === undefined ? each : sum(each, other));
	}
	return [...merged.values()].sort((x, y) => y.last - x.last).slice(0, most);
}

function sum(a: Throttled, b: Throttled): Throttled {
	return {
		source: a.source,
		removed: a.removed + b.removed,
		dropped: a.dropped + b.dropped,
		since: Math.min(a.since, b.since),
		last: Math.max(a.last, b.last),
	};
}
