/** What a run tells a person: a line a check, with seconds. */
export class Report {
	failed = 0;
	readonly #prefix: string;

	/** `prefix`: before each line, where several tell at once. */
	constructor(prefix = "") {
		this.#prefix = prefix;
	}

	print(line: string): void {
		process.stdout.write(`${this.#prefix}${line}\n`);
	}

	tell(name: string, ok: boolean, detail: string): void {
		if (!ok) this.failed++;
		this.print(`${ok ? "ok  " : "FAIL"} ${name}${detail === "" ? "" : `: ${detail}`}`);
	}

	/** A check's line is JSON (guest/check.mjs); whatever else comes is shown as it is. */
	line(line: string): void {
		try {
			const { name, ok, detail, ms } = JSON.parse(line) as { name: string; ok: boolean; detail: string; ms: number };
			if (typeof ok !== "boolean") throw new Error("JSON of something else");
			this.tell(name, ok, `${detail}${detail === "" ? "" : ", "}${(ms / 1000).toFixed(1)} s`);
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
