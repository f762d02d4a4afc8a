/** A program that runs until the end of a test, with what it prints. */
import { spawn } from "node:child_process";
import type { Cleanup } from "./cleanup.ts";
import { end, until } from "./run.ts";
import { cleanEnvironment } from "./server.ts";

export class Background {
	/** Of both streams. */
	output = "";
	readonly pid: number | undefined;

	constructor(cleanup: Cleanup, argv: readonly string[], env: Record<string, string> = {}) {
		const child = spawn(argv[0] ?? "", argv.slice(1), {
			stdio: ["ignore", "pipe", "pipe"],
			env: cleanEnvironment(env),
		});
		this.pid = child.pid;
		for (const stream of [child.stdout, child.stderr])
			stream.setEncoding("utf8").on("data", (text) => {
				this.output += text;
			});
		child.on("error", (error) => {
			this.output += String(error);
		});
		cleanup.defer(`${argv.at(-1)} ${child.pid}`, () => {
			if (!end(child.pid)) throw new Error(`process ${child.pid} does not end`);
		});
	}

	/** How often it has printed the text. */
	count(text: string): number {
		return this.output.split(text).length - 1;
	}

	async printed(text: string): Promise<void> {
		await until(`${text} in the output`, 10_000, () => this.output.includes(text) || undefined).catch((error) => {
			throw new Error(`${error.message}: ${this.output.slice(-1_000)}`);
		});
	}
}
