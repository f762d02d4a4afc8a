/** What to take down, the last first; each is tried, whatever the one before did. */
export class Undo {
	readonly #steps: (() => void | Promise<void>)[] = [];

	add(step: () => void | Promise<void>): void {
		this.#steps.push(step);
	}

	/** Throws the first error, after all. */
	async run(): Promise<void> {
		const errors: unknown[] = [];
		for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
			try {
				await step();
			} catch (error) {
				errors.push(error);
			}
		}
		if (errors.length > 0) throw errors[0];
	}
}
