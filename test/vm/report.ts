/** Prints the results of a run: one line per check, with its duration [s]. */
export class Report {
	failed = 0;
	readonly #prefix: string;

	/** `prefix` of each line, to distinguish runs side by side. */
	constructor(prefix = "") {
		this.#prefix = prefix;
	}

	print(line: string): void {
		process.stdout.write(`${this.#prefix}${line}\n`);
	}

	check(name: string, ok: boolean, detail: string): void {
		if (!ok) this.failed++;
		this.print(`${ok ? "ok  " : "FAIL"} ${name}${detail === "" ? "" : `: ${detail}`}`);
	}

	/** Prints a line of a guest: JSON is the outcome of a check (guest/check.mjs), anything else is printed as it is. */
	line(line: string): void {
		try {
			const { name, ok, detail, ms } = JSON.parse(line) as { name: string; ok: boolean; detail: string; ms: number };
			if (typeof ok !== "boolean") throw new Error("not a check");
			this.check(name, ok, `${detail}${detail === "" ? "" : ", "}${(ms / 1000).toFixed(1)} s`);
		} catch {
			this.print(`     ${line}`);
		}
	}

	async timed<T>(what: string, work: () => T | Promise<T>): Promise<T> {
		const started = performance.now();
		const result = await work();
		this.print(`     ${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
		return result;
	}
}
