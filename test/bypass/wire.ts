/** Counts the traffic on the server's end of the veth pair (clients/wire.c), whether or not a process listens. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { end } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import type { World } from "../support/world.ts";
import type { Place } from "./row.ts";

export interface Counted {
	readonly packets: number;
	/** Transport payload; for other protocols than TCP and UDP the whole IP payload. */
	readonly bytes: number;
}

export class Wire {
	readonly #child: ChildProcess;
	readonly #lines: Interface;

	private constructor(child: ChildProcess, lines: Interface) {
		this.#child = child;
		this.#lines = lines;
	}

	static async open(world: World): Promise<Wire> {
		const [command = "", ...args] = world.network.inServer([world.client("wire"), "down0"]);
		const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: cleanEnvironment() });
		world.cleanup.defer(`wire ${child.pid}`, () => void end(child.pid));
		if (child.stdout === null) throw new Error("no output");
		const lines = createInterface({ input: child.stdout });
		await once(lines, "line");
		return new Wire(child, lines);
	}

	/** Counts since the start. */
	async at({ address, protocol = -1, port = -1 }: Place): Promise<Counted> {
		const answer = once(this.#lines, "line");
		this.#child.stdin?.write(`${address} ${protocol} ${port}\n`);
		return JSON.parse(String((await answer)[0])) as Counted;
	}

	async sum(places: readonly Place[]): Promise<Counted> {
		let [packets, bytes] = [0, 0];
		for (const place of places) {
			const counted = await this.at(place);
			packets += counted.packets;
			bytes += counted.bytes;
		}
		return { packets, bytes };
	}
}
