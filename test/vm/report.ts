/** What a run tells a person: a line a check, with seconds. */
export class Report {
	failed = 0;

	print(line: string): void {
		process.stdout.write(`${line}\n`);
	}

	tell(name: string, ok: boolean, detail: string): void {
		if (!ok) this.failed++;
		this.print(`${ok ? "ok  " : "FAIL"} ${name}${detail === "" ? "" : `: ${detail}`}`);
	}

	/** A check's line is JSON (guest/check.mjs); whatever else comes is shown as it is. */
	line(line: string): void {
		try {
			const { name, ok, detail, ms } = JSON.parse(line) as { name: string; ok: boolean; detail: string; ms: number };
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
