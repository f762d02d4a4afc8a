/** CLOCK_MONOTONIC nanoseconds (the kernel's event times) to wall-clock milliseconds. */
export interface Clock {
	/** Monotonic, ns. */
	monotonic(): number;
	/** Wall clock, ms since the epoch. */
	now(): number;
	/** Add to monotonic ms to get wall-clock ms. Taken anew now and then: it moves when the clock is set. */
	offset(): number;
}

export const systemClock: Clock = {
	monotonic: () => Number(process.hrtime.bigint()),
	now: () => Date.now(),
	offset: () => Date.now() - Number(process.hrtime.bigint()) / 1e6,
};
