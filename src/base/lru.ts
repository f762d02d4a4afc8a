/**
 * A Map that forgets its least recently written entry when it is full. Reading does not refresh: that keeps it one
 * look-up.
 */
export class BoundedMap<K, V> {
	readonly limit: number;
	/** Entries that made room. */
	dropped = 0;
	readonly #map = new Map<K, V>();
	/* Kept for a while: a new iterator steps over every hole that evictions left at the front. Not for ever: an
	 * iterator that rests keeps every table alive that the Map has outgrown since. */
	#oldest: MapIterator<K> | null = null;
	#uses = 0;

	constructor(limit: number) {
		this.limit = limit;
	}

	get size(): number {
		return this.#map.size;
	}

	get(key: K): V | undefined {
		return this.#map.get(key);
	}

	/** Returns the value that made room, if one did. */
	set(key: K, value: V): V | undefined {
		let evicted: V | undefined;
		if (this.#oldest !== null && ++this.#uses > ITERATOR_USES) this.#oldest = null;
		if (!this.#map.delete(key) && this.#map.size >= this.limit) {
			evicted = this.#evict();
		}
		this.#map.set(key, value);
		return evicted;
	}

	delete(key: K): boolean {
		return this.#map.delete(key);
	}

	values(): MapIterator<V> {
		return this.#map.values();
	}

	entries(): MapIterator<[K, V]> {
		return this.#map.entries();
	}

	#evict(): V | undefined {
		if (this.#oldest === null) {
			this.#oldest = this.#map.keys();
			this.#uses = 0;
		}
		const next = this.#oldest.next();
		if (next.done) {
			this.#oldest = null;
			return undefined;
		}
		const value = this.#map.get(next.value);
		this.#map.delete(next.value);
		this.dropped++;
		return value;
	}
}

const ITERATOR_USES = 1_024;
