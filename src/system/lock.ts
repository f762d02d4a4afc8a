import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SallyportError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { WatchedCgroup } from "./cgroup.ts";

export interface Lock {
	release(): void;
}

/**
 * Takes a lock file that names its holder by pid and start time. A reused pid does not count as the holder, so the file
 * of a killed daemon needs no cleaning. link(2) makes the lock atomic; of two processes that replace the same stale
 * file, one fails at its second reading. Throws SallyportError ALREADY_RUNNING if another process holds the lock, and
 * the errors of the file system.
 *
 * @param subject of the message, such as "the pins at /sys/fs/bpf/sallyport"
 * @param other that a further process may be started with
 */
export async function acquireLock(path: string, subject: string, other = PINS): Promise<Lock> {
	refuseIfAlive(path, subject, other);
	mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
	const mine = `${process.pid} ${startTime(process.pid) ?? 0}\n`;
	const draft = `${path}.${process.pid}`;
	writeFileSync(draft, mine, { mode: 0o644 });
	try {
		try {
			linkSync(draft, path);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
			refuseIfAlive(path, subject, other);
			renameSync(draft, path);
			await new Promise((resolve) => setTimeout(resolve, 50));
			if (readFileSync(path, "utf8") !== mine) refuseIfAlive(path, subject, other);
		}
	} finally {
		rmSync(draft, { force: true });
	}
	return {
		release() {
			try {
				if (readFileSync(path, "utf8") === mine) rmSync(path, { force: true });
			} catch {
				/* The file was removed already. */
			}
		},
	};
}

export interface PinsOf {
	readonly runtimeDir: string;
	readonly pins: string;
}

export interface HostLocks extends PinsOf {
	/** The folder of locks that is the same for every daemon of the host, whatever its runtimeDir is. */
	readonly hostDir: string;
	/** Null: other processes may apply policies to the same cgroup. */
	readonly cgroup: WatchedCgroup | null;
	readonly log: Logger | null;
}

/**
 * Takes the locks of a process that puts a policy in force: of its pins, and of its cgroup, where the policies of two
 * daemons would both decide. If hostDir cannot be written, only a holder of its locks is noticed. Throws as
 * acquireLock().
 */
export async function acquireHost({ hostDir, cgroup, log, ...of }: HostLocks): Promise<Lock> {
	const locks = [await acquirePins(of)];
	const release = () => {
		for (const lock of locks.splice(0).reverse()) lock.release();
	};
	const wanted: [path: string, subject: string, mend: string][] = [];
	if (hostDir !== of.runtimeDir) wanted.push([pinsLock({ ...of, runtimeDir: hostDir }), pinsOf(of), PINS]);
	if (cgroup !== null)
		wanted.push([join(hostDir, `cgroup-${cgroup.id}.lock`), `the cgroup ${cgroup.path}`, "another --cgroup"]);
	for (const [path, subject, mend] of wanted) {
		try {
			locks.push(await acquireLock(path, subject, mend));
		} catch (error) {
			if (error instanceof SallyportError) {
				release();
				throw error;
			}
			log?.warn("another daemon on this host would not be noticed, because its lock cannot be taken", { path, error });
		}
	}
	return { release };
}

/** Takes the lock of a pin folder, which every process that changes pins must hold. Throws as acquireLock(). */
export function acquirePins(of: PinsOf): Promise<Lock> {
	return acquireLock(pinsLock(of), pinsOf(of));
}

/** Pid of the process that holds the lock of a pin folder, or null. */
export function pinsHolder(of: PinsOf): number | null {
	return aliveHolder(pinsLock(of));
}

const PINS = "other --pins";

function pinsOf({ pins }: PinsOf): string {
	return `the pins at ${pins}`;
}

function pinsLock({ runtimeDir, pins }: PinsOf): string {
	return join(runtimeDir, `${pins.slice(1).replaceAll("/", "-")}.lock`);
}

/** Start time of a process [ticks since boot]: field 22 of /proc/PID/stat. Null: it does not exist, or is a zombie. */
export function startTime(pid: number): number | null {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		/* comm may contain spaces and parentheses: fields are counted from the last parenthesis, behind which field 3
		 * begins. */
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		const value = Number(fields[19]);
		return fields[0] !== "Z" && Number.isFinite(value) ? value : null;
	} catch {
		return null;
	}
}

function refuseIfAlive(path: string, subject: string, other: string): void {
	const pid = aliveHolder(path);
	if (pid === null || pid === process.pid) return;
	throw new SallyportError(
		"ALREADY_RUNNING",
		`Another Sallyport (process ${pid}) uses ${subject}.`,
		`Stop it first, or start this one with ${other}.`,
	);
}

function aliveHolder(path: string): number | null {
	let content: string;
	try {
		content = readFileSync(path, "utf8");
	} catch {
		return null;
	}
	const [pid = 0, start = 0] = content.trim().split(" ").map(Number);
	return pid > 0 && startTime(pid) === start ? pid : null;
}
