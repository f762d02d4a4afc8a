/** Converts CLOCK_MONOTONIC (the time of events) to wall-clock time. */
export interface Clock {
	/** CLOCK_MONOTONIC [ns]. */
	monotonic(): number;
	/** Wall clock [ms since the epoch]. */
	now(): number;
	/** Wall clock minus CLOCK_MONOTONIC [ms]. It changes when the clock is set, so do not keep it. */
	offset(): number;
}

export type ClockSource = Pick<Clock, "monotonic" | "now">;

/** The clocks of this process. `set`: called when the wall clock has jumped by more than SET [ms]; negative: back. */
export function systemClock(source: ClockSource = SYSTEM, set: (by: number) => void = () => {}): Clock {
	let offset = Number.NEGATIVE_INFINITY;
	return {
		...source,
		/* now() is truncated to whole milliseconds, so each reading is up to 1 ms too low, and the highest is the most
		 * precise. A lower one is ignored unless the clock was set: otherwise times would go back by fractions of a
		 * millisecond between batches. */
		offset() {
			const read = source.now() - source.monotonic() / 1e6;
			const by = read - offset;
			if (by > 0 || by < -SET_BACK) offset = read;
			if (Math.abs(by) > SET && Number.isFinite(by)) set(by);
			return offset;
		},
	};
}

/** A reading lower than the highest by more than this means that the clock was set back [ms]. */
const SET_BACK = 2;

/** Smaller differences are not reported: time servers correct clocks [ms]. */
export const SET = 10_000;

const SYSTEM: ClockSource = {
	now: () => Date.now(),
	monotonic: () => Number(process.hrtime.bigint()),
};
