import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SallyportError } from "../errors.ts";

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

/** Field 22 of /proc/PID/stat: ticks after boot; null if there is no such process. */
export function startTime(pid: number): number | null {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		/* comm may hold spaces and brackets: count from the last bracket, after which field 3 comes. */
		const value = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
		return Number.isFinite(value) ? value : null;
	} catch {
		return null;
	}
}

function refuseIfAlive(path: string, what: string): void {
	let content: string;
	try {
		content = readFileSync(path, "utf8");
	} catch {
		return;
	}
	const [pid = 0, start = 0] = content.trim().split(" ").map(Number);
	if (pid > 0 && pid !== process.pid && startTime(pid) === start) {
		throw new SallyportError(
			"ALREADY_RUNNING",
			`Another Sallyport (process ${pid}) has ${what}.`,
			"Stop it first, or give this one its own --pins.",
		);
	}
}
