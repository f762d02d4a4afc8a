/** Writes synthetic events (flood.bpf.c) into a daemon's ring buffer at a given rate. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "../support/daemon.ts";
import { must, run } from "../support/run.ts";
import { parse } from "../support/stage.ts";
import type { World } from "../support/world.ts";

/** Maps that the flood's object shares with the daemon's. Its other maps are its own and stay empty. */
const SHARED = ["events", "counters", "control", "policy", "rules"] as const;

export class Flood {
	readonly #program: string;
	readonly #runner: string;

	private constructor(program: string, runner: string) {
		this.#program = program;
		this.#runner = runner;
	}

	/** Unmounting the world's bpffs unloads the program. */
	static load(world: World): Flood {
		const { folder, pins } = world;
		const [object, runner, pinned] = [join(folder, "flood.o"), join(folder, "flood"), join(pins, "../flood")] as const;
		const here = import.meta.dirname;
		const system = must("sh", "-c", 'echo "/usr/include/$(uname -m)-linux-gnu"').trim();
		must(
			"clang",
			...["-O2", "-g", "-target", "bpf", "-mcpu=v3"],
			...(existsSync(system) ? ["-idirafter", system] : []),
			...["-c", join(here, "flood.bpf.c"), "-o", object],
		);
		must("cc", "-O2", "-Wall", "-o", runner, join(here, "flood.c"), "-lbpf");
		mkdirSync(pinned);
		const maps = SHARED.flatMap((name) => ["map", "name", name, "pinned", join(pins, "maps", name)]);
		must("bpftool", "prog", "loadall", object, pinned, ...maps);
		return new Flood(join(pinned, "flood"), runner);
	}

	/** Writes pairs of events, evenly over the time. `late`: the runner's largest delay behind schedule [ms]. */
	async run(
		daemon: Daemon,
		eventsPerSecond: number,
		seconds: number,
	): Promise<{ events: number; seconds: number; late: number }> {
		const { generation } = await daemon.get<{ generation: number }>("/v1/status");
		const argv = [this.#runner, this.#program, String(eventsPerSecond / 2), String(seconds), String(generation)];
		const outcome = await run(argv, { timeout: seconds * 2_000 + 10_000 });
		if (outcome.code !== 0) throw new Error(`flood: ${outcome.stderr}`);
		const ran = parse<{ runs: number; seconds: number; late: number }>(outcome.stdout);
		return { events: ran.runs * 2, seconds: ran.seconds, late: ran.late };
	}
}
