/** Work that is done one after the other. Those that wait are bounded. */
export class Turns {
	readonly #limit: number;
	#last: Promise<unknown> = Promise.resolve();
	#waiting = 0;

	/** `limit`: how many may be at work and wait together. */
	constructor(limit: number) {
		this.#limit = limit;
	}

	/** Rejects with BusyError, without having begun, if too many wait. */
	take<T>(run: () => Promise<T>): Promise<T> {
		if (this.#waiting >= this.#limit) return Promise.reject(new BusyError());
		this.#waiting++;
		const turn = this.#last.then(run).finally(() => {
			this.#waiting--;
		});
		this.#last = turn.catch(() => {});
		return turn;
	}
}

export class BusyError extends Error {
	constructor() {
		super("too many wait already");
		this.name = "BusyError";
	}
}
