/** A connection that stays open (clients/keepopen.c), and its states over time. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { end, until } from "./run.ts";
import { cleanEnvironment } from "./server.ts";
import type { World } from "./world.ts";

export interface ConnectionState {
	readonly state: "connected" | "refused" | "echoed" | "broken" | "closed";
	readonly errno?: string;
	readonly sent?: number;
	readonly received?: number;
	/** Time of reading, performance.now() [ms]. */
	readonly at: number;
}

export class OpenConnection {
	readonly states: ConnectionState[] = [];
	readonly #child: ChildProcess;

	constructor(world: World, address: string, port: number, below?: string) {
		const [command = "", ...args] = world.argv([world.client("keepopen"), address, String(port), "10"], below);
		this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: cleanEnvironment() });
		world.cleanup.defer(`keepopen ${this.#child.pid}`, () => void end(this.#child.pid));
		this.#child.stdin?.on("error", () => {});
		if (this.#child.stdout !== null) {
			createInterface({ input: this.#child.stdout }).on("line", (line) =>
				this.states.push({ ...JSON.parse(line), at: performance.now() }),
			);
		}
	}

	go(): void {
		this.#child.stdin?.write("go\n");
	}

	close(): void {
		this.#child.stdin?.end("close\n");
	}

	get last(): ConnectionState["state"] | undefined {
		return this.states.at(-1)?.state;
	}

	reached(state: ConnectionState["state"], ms = 3_000): Promise<ConnectionState> {
		return until(`connection: ${state}`, ms, () => this.states.find((each) => each.state === state));
	}
}
