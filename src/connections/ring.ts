/** The last `limit` things. */
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

	push(item: T): void {
		this.#items[this.#next] = item;
		this.#next = (this.#next + 1) % this.limit;
	}

	/** Newest first. */
	*values(): Generator<T> {
		for (let back = 1; back <= this.#items.length; back++) {
			const item = this.#items[(this.#next - back + this.#items.length * 2) % this.#items.length];
			if (item !== undefined) yield item;
		}
	}
}
