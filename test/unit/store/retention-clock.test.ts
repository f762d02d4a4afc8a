/** The clock by which records expire follows the wall clock slowly. */
import { expect, test } from "vitest";
import { RetentionClock } from "../../../src/store/retention-clock.ts";

const SECOND = 1e6;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;

function setUp(kept: number | null = null) {
	const time = { wall: 20_000 * DAY, monotonic: 5 * DAY };
	const clock = new RetentionClock({ wall: () => time.wall, monotonic: () => time.monotonic, kept });
	const start = time.wall;
	return {
		clock,
		time,
		start,
		pass(duration: number) {
			time.wall += duration;
			time.monotonic += duration;
			return clock.now() - start;
		},
	};
}

test("without jumps it is the wall clock", () => {
	const { pass, clock } = setUp();
	for (let hour = 1; hour < 100; hour++) expect(pass(HOUR)).toBe(hour * HOUR);
	expect(clock.doubtful).toBe(false);
});

test("400 days forward for five seconds and back move it by two minutes at most", () => {
	const { pass, time, clock } = setUp();
	pass(HOUR);
	time.wall += 400 * DAY;
	expect(clock.doubtful).toBe(true);
	expect(pass(5 * SECOND)).toBeLessThan(HOUR + 130 * SECOND);
	time.wall -= 400 * DAY;
	expect(pass(SECOND)).toBe(HOUR + 6 * SECOND);
	for (let minute = 0; minute < 10; minute++) pass(60 * SECOND);
	expect(clock.doubtful).toBe(false);
	expect(pass(SECOND)).toBe(HOUR + 607 * SECOND);
});

test("it is never later than the wall clock, and a jump back and forward moves it by nothing", () => {
	const { pass, time } = setUp();
	pass(DAY);
	time.wall -= 400 * DAY;
	expect(pass(5 * SECOND)).toBeLessThan(-398 * DAY);
	time.wall += 400 * DAY;
	expect(pass(SECOND)).toBeGreaterThan(DAY - HOUR);
	expect(pass(HOUR)).toBe(DAY + HOUR + 6 * SECOND);
});

test("a jump that stays is followed by a day in an hour, and sealing continues after ten minutes", () => {
	const { pass, time, clock } = setUp();
	time.wall += 30 * DAY;
	clock.now();
	pass(9 * 60 * SECOND);
	expect(clock.doubtful).toBe(true);
	pass(2 * 60 * SECOND);
	expect(clock.doubtful).toBe(false);
	pass(HOUR);
	expect(clock.now() - time.wall).toBeLessThan(-28 * DAY);
	for (let hour = 0; hour < 31; hour++) pass(HOUR);
	expect(clock.now()).toBe(time.wall);
});

test("the time is kept in the file, and a file without rows that old cannot hold it back", () => {
	const { clock, start } = setUp(15_000 * DAY);
	/* The host was off: nobody has set the clock. */
	expect(clock.doubtful).toBe(false);
	expect(clock.now()).toBe(15_000 * DAY);
	clock.atLeast(start - DAY);
	expect(clock.now()).toBe(start - DAY);
});
