/** A map that evicts its oldest written entry when it is full. A read does not refresh an entry, so it costs one look-up. */
export class BoundedMap<K, V> {
	readonly limit: number;
	/** Number of evicted entries. */
	dropped = 0;
	readonly #map = new Map<K, V>();
	/* A new iterator steps over every hole that evictions have left at the front, so one iterator serves many evictions. It is replaced
	 * now and then, because V8 keeps every table that the Map has outgrown as long as an older iterator lives. */
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

	/** Returns the value that was evicted, if one was. */
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

/** The last `limit` items. */
export class Ring<T> {
	readonly limit: number;
	readonly #items: T[] = [];
	#next = 0;

	constructor(limit: number) {
		this.limit = limit;
	}

	get size(): number {
		return this.#items.length;
	}

	/** Returns the item that was evicted, if one was. */
	push(item: T): T | undefined {
		const evicted = this.#items[this.#next];
		this.#items[this.#next] = item;
		this.#next = (this.#next + 1) % this.limit;
		return evicted;
	}

	/** Newest first. */
	*values(): Generator<T> {
		for (let back = 1; back <= this.#items.length; back++) {
			const item = this.#items[(this.#next - back + this.#items.length * 2) % this.#items.length];
			if (item !== undefined) yield item;
		}
	}
}

/** Evictions after which the iterator is replaced. */
const ITERATOR_USES = 1_024;
