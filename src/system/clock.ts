/** CLOCK_MONOTONIC nanoseconds (the kernel's event times) to wall-clock milliseconds. */
export interface Clock {
	/** Monotonic, ns. */
	monotonic(): number;
	/** Wall clock, ms since the epoch. */
	now(): number;
	/** Add to monotonic ms to get wall-clock ms. Taken anew now and then: it moves when the clock is set. */
	offset(): number;
}

export type Hands = Pick<Clock, "monotonic" | "now">;

export function systemClock(hands: Hands = SYSTEM): Clock {
	let offset = Number.NEGATIVE_INFINITY;
	return {
		...hands,
		/* Whole milliseconds make each reading up to one too low: the highest is the nearest, as long as the clock is not set. Times
		 * that go back by a part of a millisecond from batch to batch would be in the order of nothing. */
		offset() {
			const read = hands.now() - hands.monotonic() / 1e6;
			if (read > offset || read < offset - SET) offset = read;
			return offset;
		},
	};
}

/** ms by which the clock must be behind to have been set. */
const SET = 2;

const SYSTEM: Hands = {
	now: () => Date.now(),
	monotonic: () => Number(process.hrtime.bigint()),
};
