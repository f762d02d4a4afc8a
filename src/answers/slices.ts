import { setImmediate as turn } from "node:timers/promises";

/** Calls `take` for each, some at a time: others have the event loop in between. */
export async function inSlices<T>(items: Iterable<T>, take: (item: T) => void): Promise<void> {
	let began = performance.now();
	let count = 0;
	for (const item of items) {
		take(item);
		if (++count % LOOK_EVERY !== 0 || performance.now() - began < SLICE) continue;
		await turn();
		began = performance.now();
	}
}

const LOOK_EVERY = 32;
/** ms */
const SLICE = 2;
