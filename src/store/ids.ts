/**
 * Ids of connections that outlive the daemon: the microsecond since the epoch in which the connection began, or the next free one if
 * several began in the same. The key of the history is thus its order in time, and needs no second index.
 */
export class ConnectionIds {
	/*
	 * Recent ids, indexed by remainder. Each replaces the id that is a whole round older. Events of several CPUs arrive out of
	 * order by far less than a round.
	 */
	readonly #recent = new Float64Array(ROUND);
	#last = 0;

	/** `first`: wall clock [ms] of the beginning. Each id is returned once. */
	next(first: number): number {
		let id = Math.floor(first * 1000);
		let at = id % ROUND;
		if (this.#recent[at] === id) {
			/* In a burst all ids up to the last one are taken. */
			id = this.#last > id && this.#last < id + ROUND ? this.#last + 1 : id + 1;
			at = id % ROUND;
			for (; this.#recent[at] === id; at = (at + 1) % ROUND) id++;
		}
		this.#recent[at] = id;
		this.#last = id;
		return id;
	}
}

/* [µs] One round. */
const ROUND = 32_768;
