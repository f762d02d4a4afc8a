/**
 * Ids of connections that outlive the daemon: microseconds since the epoch at which the connection began, the next free ones for those
 * that began in the same. So the key of the history is its order in time, and costs no index of its own.
 */
export class ConnectionIds {
	/* Events of several processors arrive out of order, by at most a ring's worth. */
	#recent = new Set<number>();
	#before = new Set<number>();

	/** `first`: wall clock, ms. */
	next(first: number): number {
		let id = Math.floor(first * 1000);
		while (this.#recent.has(id) || this.#before.has(id)) id++;
		if (this.#recent.size >= REMEMBERED) {
			const reused = this.#before;
			reused.clear();
			this.#before = this.#recent;
			this.#recent = reused;
		}
		this.#recent.add(id);
		return id;
	}
}

const REMEMBERED = 8_192;
