import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SallyportError } from "../base/errors.ts";

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
 */
export async function acquireLock(path: string, subject: string): Promise<Lock> {
	mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
	const mine = `${process.pid} ${startTime(process.pid) ?? 0}\n`;
	const draft = `${path}.${process.pid}`;
	writeFileSync(draft, mine, { mode: 0o644 });
	try {
		try {
			linkSync(draft, path);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
			refuseIfAlive(path, subject);
			renameSync(draft, path);
			await new Promise((resolve) => setTimeout(resolve, 50));
			if (readFileSync(path, "utf8") !== mine) refuseIfAlive(path, subject);
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

/** Takes the lock of a pin folder, which every process that changes pins must hold. Throws as acquireLock(). */
export function acquirePins(of: PinsOf): Promise<Lock> {
	return acquireLock(pinsLock(of), `the pins at ${of.pins}`);
}

/** Pid of the process that holds the lock of a pin folder, or null. */
export function pinsHolder(of: PinsOf): number | null {
	return aliveHolder(pinsLock(of));
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

function refuseIfAlive(path: string, subject: string): void {
	const pid = aliveHolder(path);
	if (pid === null || pid === process.pid) return;
	throw new SallyportError(
		"ALREADY_RUNNING",
		`Another Sallyport (process ${pid}) uses ${subject}.`,
		"Stop it first, or start this one with other --pins.",
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
