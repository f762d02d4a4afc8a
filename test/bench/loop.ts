/** A process of loops.c: started once, then given one amount of work after another. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Cgroup } from "../support/cgroup.ts";
import type { Cleanup } from "../support/cleanup.ts";
import { end } from "../support/run.ts";

export type Work = "connect" | "refused" | "roundtrip" | "bulk";

export class Loop {
	readonly #child: ChildProcess;
	readonly #lines: Interface;

	private constructor(child: ChildProcess, lines: Interface) {
		this.#child = child;
		this.#lines = lines;
	}

	/** Runs in a namespace and a cgroup. It serves `port` to `port` + 2 itself, from outside that cgroup. */
	static async start(program: string, ns: string, cgroup: Cgroup, port: number, cleanup: Cleanup): Promise<Loop> {
		const child = spawn("nsenter", [`--net=/run/netns/${ns}`, "--", program, cgroup.path, String(port)], {
			stdio: ["pipe", "pipe", "inherit"],
		});
		cleanup.defer(`loop ${child.pid}`, () => void end(child.pid));
		if (child.stdout === null) throw new Error("no stdout");
		const loop = new Loop(child, createInterface({ input: child.stdout }));
		await loop.#line();
		return loop;
	}

	/** Mean duration of one of `count` operations [ns]. Throws if an operation succeeds or fails unexpectedly. */
	async run(work: Work, count: number): Promise<number> {
		const [ns = 0, failed = 0] = (await this.#tell(`${work} ${count}`)).split(" ").map(Number);
		if (failed !== (work === "refused" ? count : 0)) throw new Error(`${work}: ${failed} of ${count} failed`);
		return ns / count;
	}

	async address(address: string): Promise<void> {
		await this.#tell(`address ${address}`);
	}

	/** Sets the rate of later connects [1/s]. */
	async pace(rate: number): Promise<void> {
		await this.#tell(`pace ${rate}`);
	}

	#tell(line: string): Promise<string> {
		const answer = this.#line();
		this.#child.stdin?.write(`${line}\n`);
		return answer;
	}

	#line(): Promise<string> {
		return new Promise((resolve, reject) => {
			const lost = () => reject(new Error("the loop ended"));
			this.#child.once("exit", lost);
			this.#lines.once("line", (line) => {
				this.#child.off("exit", lost);
				resolve(line);
			});
		});
	}
}
