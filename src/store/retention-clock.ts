export interface RetentionClockOptions {
	/** Wall clock [µs]. */
	readonly wall: () => number;
	/** Monotonic clock [µs]. */
	readonly monotonic: () => number;
	/** `now` when the file was last written [µs]; null: a new file. */
	readonly kept: number | null;
}

/**
 * The time by which records expire. It counts the time that has passed, and follows the wall clock by at most FOLLOW times as much: a clock
 * that is wrong for some seconds moves it by minutes, and after a month in which the host was off it needs a day.
 */
export class RetentionClock {
	readonly #o: RetentionClockOptions;
	/** [µs] */
	#now: number;
	#read: number;
	/** From the monotonic clock to the wall clock, before a jump of late. */
	#offset: number;
	/** Monotonic time of that jump; null: there was none, or the clock has jumped back. */
	#jumped: number | null = null;

	constructor(options: RetentionClockOptions) {
		this.#o = options;
		this.#now = options.kept ?? options.wall();
		this.#read = options.monotonic();
		this.#offset = options.wall() - this.#read;
	}

	/** [µs] Never later than the wall clock, by which records are dated. */
	now(): number {
		this.#advance();
		return Math.min(this.#now, this.#o.wall());
	}

	/** [µs] To be kept in the file. */
	get value(): number {
		return this.#now;
	}

	/** The wall clock has jumped, and may jump back: nothing that depends on the order of new records should be done now. */
	get doubtful(): boolean {
		this.#advance();
		return this.#jumped !== null;
	}

	/** No record is older than `oldest` [µs], so none can expire sooner. */
	atLeast(oldest: number): void {
		this.#now = Math.max(this.#now, oldest);
	}

	#advance(): void {
		const read = this.#o.monotonic();
		const passed = Math.max(0, read - this.#read);
		this.#read = read;
		this.#now += passed;
		const behind = this.#o.wall() - this.#now;
		const step = Math.min(Math.abs(behind), passed * FOLLOW);
		this.#now += behind < 0 ? -step : step;
		this.#notice(this.#o.wall() - read);
	}

	#notice(offset: number): void {
		if (Math.abs(offset - this.#offset) <= NEAR) this.#jumped = null;
		else if (this.#jumped === null) this.#jumped = this.#read;
		else if (this.#read - this.#jumped >= DOUBT) {
			this.#offset = offset;
			this.#jumped = null;
		}
	}
}

/* A day in an hour. */
const FOLLOW = 24;
/* [µs] */
const NEAR = 60_000_000;
const DOUBT = 600_000_000;
