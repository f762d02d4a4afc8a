/** Runs tasks one after the other, with a bounded queue. */
export class Turns {
	readonly #limit: number;
	#last: Promise<unknown> = Promise.resolve();
	#waiting = 0;

	/** @param limit of tasks, the running one included */
	constructor(limit: number) {
		this.#limit = limit;
	}

	/**
	 * Runs a task after the earlier ones. Rejects with BusyError, without starting it, if the queue is full; else as
	 * the task does.
	 */
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

/** The queue of Turns is full. */
export class BusyError extends Error {
	constructor() {
		super("too many tasks are waiting");
		this.name = "BusyError";
	}
}
