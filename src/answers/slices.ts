import { setImmediate as turn } from "node:timers/promises";

/** Calls `take` for each item, and lets the event loop run after every two milliseconds. */
export async function inSlices<T>(items: Iterable<T>, take: (item: T) => void): Promise<void> {
	let began = performance.now();
	let count = 0;
	for (const item of items) {
		take(item);
		if (++count % CLOCK_EVERY !== 0 || performance.now() - began < SLICE) continue;
		await turn();
		began = performance.now();
	}
}

/** Items processed between two reads of the clock. */
const CLOCK_EVERY = 32;
/** [ms] */
const SLICE = 2;
