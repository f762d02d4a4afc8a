/**
 * Sorts unsigned 32-bit keys, each with a value, in place (radix sort). Stable, so wider keys can be sorted word by
 * word. A pass in which all digits are equal is skipped.
 */
export function sortPairs(keys: Uint32Array, values: Uint32Array): void {
	let from = keys;
	let fromValues = values;
	let to: Uint32Array = new Uint32Array(keys.length);
	let toValues: Uint32Array = new Uint32Array(keys.length);
	for (let shift = 0; shift < 32; shift += DIGIT) {
		const starts = digitStarts(from, shift);
		if (starts === null) continue;
		for (let i = 0; i < from.length; i++) {
			const key = from[i]!;
			const digit = (key >>> shift) & DIGIT_MASK;
			const index = starts[digit]!;
			starts[digit] = index + 1;
			to[index] = key;
			toValues[index] = fromValues[i]!;
		}
		[from, fromValues, to, toValues] = [to, toValues, from, fromValues];
	}
	if (from !== keys) {
		keys.set(from);
		values.set(fromValues);
	}
}

const DIGIT = 11;
const DIGIT_MASK = (1 << DIGIT) - 1;

/** First index of the keys with each digit; null: all keys have the same digit. */
function digitStarts(keys: Uint32Array, shift: number): Uint32Array | null {
	const counts = new Uint32Array(DIGIT_MASK + 1);
	for (let i = 0; i < keys.length; i++) counts[(keys[i]! >>> shift) & DIGIT_MASK]!++;
	let start = 0;
	for (let digit = 0; digit <= DIGIT_MASK; digit++) {
		const count = counts[digit]!;
		if (count === keys.length) return null;
		counts[digit] = start;
		start += count;
	}
	return counts;
}
