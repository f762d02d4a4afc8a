/** A cgroup tree of the test, `sallyport-test-PID-N`, below the cgroup v2 root. Never the root itself. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Cleanup, sleepSync, waitSync } from "./cleanup.ts";

export const PREFIX = "sallyport-test-";

/** The cgroup v2 mount, which is not /sys/fs/cgroup itself in a hybrid layout. */
export function cgroupRoot(mounts = readFileSync("/proc/self/mounts", "utf8")): string {
	const line = mounts.split("\n").find((entry) => entry.split(" ")[2] === "cgroup2");
	const path = line?.split(" ")[1];
	if (path === undefined) throw new Error("no cgroup v2 is mounted");
	return path.replaceAll("\\040", " ");
}

let made = 0;

export class Cgroup {
	readonly path: string;

	private constructor(path: string) {
		this.path = path;
	}

	static make(cleanup: Cleanup): Cgroup {
		made += 1;
		const cgroup = new Cgroup(join(cgroupRoot(), `${PREFIX}${process.pid}-${made}`));
		mkdirSync(cgroup.path);
		cleanup.defer(`cgroup ${cgroup.path}`, () => removeTree(cgroup.path));
		return cgroup;
	}

	/** A cgroup below this one, for example "system.slice/agent.service". Created if missing. */
	child(name: string): Cgroup {
		const path = join(this.path, name);
		mkdirSync(path, { recursive: true });
		return new Cgroup(path);
	}

	/** argv that runs the command in this cgroup. The command keeps the pid of the first process. */
	wrap(argv: readonly string[]): string[] {
		return ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', this.path, ...argv];
	}

	pids(): number[] {
		return readFileSync(join(this.path, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number);
	}
}

/** Kills the remaining processes of a tree that the tests made, then removes it from the leaves upwards. */
export function removeTree(path: string): void {
	if (!path.includes(`/${PREFIX}`)) throw new Error(`${path} is not ours`);
	if (!existsSync(path)) return;
	writeFileSync(join(path, "cgroup.kill"), "1");
	waitSync(() => !/populated 1/.test(readFileSync(join(path, "cgroup.events"), "utf8")), 3_000);
	removeLeaves(path);
}

function removeLeaves(path: string): void {
	for (const entry of readdirSync(path, { withFileTypes: true })) {
		if (entry.isDirectory()) removeLeaves(join(path, entry.name));
	}
	for (let tries = 0; ; tries++) {
		try {
			rmdirSync(path);
			return;
		} catch (error) {
			if (tries === 100) throw error;
			sleepSync(10);
		}
	}
}
