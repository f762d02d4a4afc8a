import { expect, test } from "vitest";
import { systemClock } from "../../../src/system/clock.ts";

/* A wall clock in whole milliseconds, 500.4 ms ahead of the monotonic clock. */
function hands() {
	const set = { monotonicMs: 1_000, ahead: 500.4 };
	const jumps: number[] = [];
	return {
		set,
		jumps,
		clock: systemClock(
			{
				monotonic: () => set.monotonicMs * 1e6,
				now: () => Math.floor(set.monotonicMs + set.ahead),
			},
			(by) => void jumps.push(Math.round(by / 1000)),
		),
	};
}

test("a later event never gets an earlier time, although the wall clock is truncated to milliseconds", () => {
	const { clock, set } = hands();
	let last = 0;
	for (; set.monotonicMs < 1_050; set.monotonicMs += 0.37) {
		const time = set.monotonicMs + clock.offset();
		expect(time).toBeGreaterThan(last);
		last = time;
	}
	expect(clock.offset()).toBeGreaterThan(500.3);
	expect(clock.offset()).toBeLessThanOrEqual(500.4);
});

test("the offset follows a clock that is set forwards or back", () => {
	const { clock, set, jumps } = hands();
	clock.offset();
	for (const ahead of [90_000, -90_000, 400]) {
		set.ahead = ahead;
		expect(Math.abs(clock.offset() - ahead)).toBeLessThanOrEqual(1);
	}
	/* Each jump is reported once; small corrections are not. */
	set.ahead += 9_000;
	clock.offset();
	clock.offset();
	expect(jumps).toEqual([90, -180, 90]);
});
