/**
 * Ids of connections that outlive the daemon: microseconds since the epoch at which the connection began, a free one soon after for those
 * that began in the same. So the key of the history is its order in time, and costs no index of its own.
 */
export class ConnectionIds {
	/* Those given lately, each at its remainder: a later one takes the place of one that is a whole round older. Events of several
	 * processors arrive out of order, by far less. */
	readonly #given = new Float64Array(REMEMBERED);
	#last = 0;

	/** `first`: wall clock, ms. */
	next(first: number): number {
		let id = Math.floor(first * 1000);
		let at = id % REMEMBERED;
		if (this.#given[at] === id) {
			/* In a burst all up to the last one are taken. */
			id = this.#last > id && this.#last < id + REMEMBERED ? this.#last + 1 : id + 1;
			at = id % REMEMBERED;
			for (; this.#given[at] === id; at = (at + 1) % REMEMBERED) id++;
		}
		this.#given[at] = id;
		this.#last = id;
		return id;
	}
}

/* µs of a round */
const REMEMBERED = 32_768;
