/** The first `limit` of any number of items, in order. */
export class Best<T> {
	readonly items: T[] = [];
	readonly #limit: number;
	readonly #compare: (a: T, b: T) => number;

	/** `compare` returns 0 only for the same item, which is kept once. */
	constructor(limit: number, compare: (a: T, b: T) => number) {
		this.#limit = limit;
		this.#compare = compare;
	}

	add(item: T): void {
		let low = 0;
		let high = this.items.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			const other = this.items[middle];
			if (other !== undefined && this.#compare(other, item) < 0) low = middle + 1;
			else high = middle;
		}
		const next = this.items[low];
		if (low >= this.#limit || (next !== undefined && this.#compare(next, item) === 0)) return;
		this.items.splice(low, 0, item);
		if (this.items.length > this.#limit) this.items.pop();
	}
}
