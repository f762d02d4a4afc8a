/** Undoes a test's changes in reverse order: at the end, after a failure, on a signal, and at process exit. */

export interface Undo {
	readonly what: string;
	readonly undo: () => void;
}

export class Cleanup {
	readonly #steps: Undo[] = [];

	constructor() {
		open.add(this);
	}

	/** Undo functions are synchronous, so that they also run while the process exits. */
	defer(what: string, undo: () => void): void {
		this.#steps.push({ what, undo });
	}

	/** Undoes everything, also after a failure. Returns the failures. */
	run(): string[] {
		const failures: string[] = [];
		for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
			try {
				step.undo();
			} catch (error) {
				failures.push(`${step.what}: ${error instanceof Error ? error.message : String(error)}`);
			}
		}
		open.delete(this);
		return failures;
	}
}

/** Waits without the event loop, for undo functions. */
export function sleepSync(ms: number): void {
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export function waitSync(condition: () => boolean, ms: number): boolean {
	const end = Date.now() + ms;
	while (!condition()) {
		if (Date.now() > end) return false;
		sleepSync(5);
	}
	return true;
}

const open = new Set<Cleanup>();

function runAll(): void {
	for (const cleanup of [...open].reverse()) {
		for (const failure of cleanup.run()) process.stderr.write(`cleanup: ${failure}\n`);
	}
}

process.on("exit", runAll);
for (const [signal, code] of [
	["SIGINT", 130],
	["SIGTERM", 143],
	["SIGHUP", 129],
] as const) {
	process.once(signal, () => {
		runAll();
		process.exit(code);
	});
}
