import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SallyportError } from "../base/errors.ts";

export interface Lock {
	release(): void;
}

/**
 * One daemon a pin folder. The lock is a file that names its holder by pid and start time: a number that was given to another
 * process since does not count, and a daemon that was killed leaves nothing that must be cleaned by hand.
 * link(2) makes the claim atomic. Two that take over the same stale file at once see it at the second reading.
 */
export async function acquireLock(path: string, what: string): Promise<Lock> {
	mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
	const mine = `${process.pid} ${startTime(process.pid) ?? 0}\n`;
	const draft = `${path}.${process.pid}`;
	writeFileSync(draft, mine, { mode: 0o644 });
	try {
		try {
			linkSync(draft, path);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
			refuseIfAlive(path, what);
			renameSync(draft, path);
			await new Promise((resolve) => setTimeout(resolve, 50));
			if (readFileSync(path, "utf8") !== mine) refuseIfAlive(path, what);
		}
	} finally {
		rmSync(draft, { force: true });
	}
	return {
		release() {
			try {
				if (readFileSync(path, "utf8") === mine) rmSync(path, { force: true });
			} catch {
				/* gone already */
			}
		},
	};
}

export interface PinsOf {
	readonly runtimeDir: string;
	readonly pins: string;
}

/** The lock of a pin folder: for whoever changes what is in the kernel. */
export function acquirePins(of: PinsOf): Promise<Lock> {
	return acquireLock(pinsLock(of), `the pins at ${of.pins}`);
}

/** The process that has a pin folder now, or null. */
export function pinsHolder(of: PinsOf): number | null {
	return aliveHolder(pinsLock(of));
}

function pinsLock({ runtimeDir, pins }: PinsOf): string {
	return join(runtimeDir, `${pins.slice(1).replaceAll("/", "-")}.lock`);
}

/** Field 22 of /proc/PID/stat: ticks after boot; null if there is no such process, or only its exit code waits to be read. */
export function startTime(pid: number): number | null {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		/* comm may hold spaces and brackets: count from the last bracket, after which field 3 comes. */
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		const value = Number(fields[19]);
		return fields[0] !== "Z" && Number.isFinite(value) ? value : null;
	} catch {
		return null;
	}
}

function refuseIfAlive(path: string, what: string): void {
	const pid = aliveHolder(path);
	if (pid === null || pid === process.pid) return;
	throw new SallyportError(
		"ALREADY_RUNNING",
		`Another Sallyport (process ${pid}) has ${what}.`,
		"Stop it first, or give this one its own --pins.",
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
