export interface Counted<T> {
	readonly key: string;
	readonly count: number;
	readonly value: T;
}

/**
 * The most frequent of any number of keys, in bounded memory: "space saving" (Metwally, Agrawal, El Abbadi, 2005). A new key takes
 * the place of the rarest and its count, so that a count is never too low, and a key that comes back never counts
 * backwards. A heap keeps the rarest at hand.
 */
export class Heavy<T> {
	readonly #room: number;
	readonly #fresh: () => T;
	readonly #heap: Entry<T>[] = [];
	readonly #byKey = new Map<string, Entry<T>>();

	constructor(room: number, fresh: () => T) {
		this.#room = room;
		this.#fresh = fresh;
	}

	get(key: string): T | undefined {
		return this.#byKey.get(key)?.value;
	}

	/** Counts it, and returns what is kept beside the count. */
	add(key: string): T | undefined {
		if (this.#room === 0) return undefined;
		let entry = this.#byKey.get(key);
		if (entry === undefined) {
			const [rarest] = this.#heap;
			if (this.#heap.length < this.#room || rarest === undefined) {
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
