/** The first `limit` of any number of things, in order. */
export class Best<T> {
	readonly items: T[] = [];
	readonly #limit: number;
	readonly #compare: (a: T, b: T) => number;

	/** `compare`: never 0 for two that are not the same. */
	constructor(limit: number, compare: (a: T, b: T) => number) {
		this.#limit = limit;
		this.#compare = compare;
	}

	add(item: T): void {
		let low = 0;
		let high = this.items.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			const there = this.items[middle];
			if (there !== undefined && this.#compare(there, item) < 0) low = middle + 1;
			else high = middle;
		}
		const there = this.items[low];
		if (low >= this.#limit || (there !== undefined && this.#compare(there, item) === 0)) return;
		this.items.splice(low, 0, item);
		if (this.items.length > this.#limit) this.items.pop();
	}
}
