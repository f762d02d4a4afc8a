export interface Counted<T> {
	readonly key: string;
	readonly count: number;
	readonly value: T;
}

/**
 * The most frequent of any number of keys in bounded memory, by the algorithm Space-Saving (Metwally, Agrawal, El Abbadi: Efficient
 * Computation of Frequent and Top-k Elements in Data Streams, 2005). A new key replaces the rarest one and takes over its count. So a count
 * is never too low, and never decreases for a key that returns. The heap has the rarest key at its top.
 */
export class TopCounts<T> {
	readonly #limit: number;
	readonly #fresh: () => T;
	readonly #heap: Entry<T>[] = [];
	readonly #byKey = new Map<string, Entry<T>>();

	/** `limit`: number of keys in memory. `fresh`: the first value of a key. */
	constructor(limit: number, fresh: () => T) {
		this.#limit = limit;
		this.#fresh = fresh;
	}

	/** The value of a key in memory. */
	get(key: string): T | undefined {
		return this.#byKey.get(key)?.value;
	}

	/** Counts the key. Returns its value, or undefined if the limit is 0. */
	add(key: string): T | undefined {
		if (this.#limit === 0) return undefined;
		let entry = this.#byKey.get(key);
		if (entry === undefined) {
			const [rarest] = this.#heap;
			if (this.#heap.length < this.#limit || rarest === undefined) {
				entry = { key, count: 0, value: this.#fresh(), at: this.#heap.length };
				this.#heap.push(entry);
				this.#up(entry);
			} else {
				this.#byKey.delete(rarest.key);
				rarest.key = key;
				rarest.value = this.#fresh();
				entry = rarest;
			}
			this.#byKey.set(key, entry);
		}
		entry.count++;
		this.#down(entry);
		return entry.value;
	}

	/** The most frequent keys, in descending order. */
	top(count: number): Counted<T>[] {
		return this.#heap.toSorted((a, b) => b.count - a.count || (a.key < b.key ? -1 : 1)).slice(0, count);
	}

	#up(entry: Entry<T>): void {
		while (entry.at > 0) {
			const above = this.#heap[(entry.at - 1) >> 1];
			if (above === undefined || above.count <= entry.count) return;
			this.#swap(entry, above);
		}
	}

	#down(entry: Entry<T>): void {
		for (;;) {
			const left = this.#heap[entry.at * 2 + 1];
			const right = this.#heap[entry.at * 2 + 2];
			const least = right !== undefined && left !== undefined && right.count < left.count ? right : left;
			if (least === undefined || least.count >= entry.count) return;
			this.#swap(entry, least);
		}
	}

	#swap(a: Entry<T>, b: Entry<T>): void {
		[a.at, b.at] = [b.at, a.at];
		this.#heap[a.at] = a;
		this.#heap[b.at] = b;
	}
}

interface Entry<T> {
	key: string;
	count: number;
	value: T;
	at: number;
}
