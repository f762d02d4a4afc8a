import { closeSync, openSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { ARGS_MAX } from "./kept-arguments.ts";
import type { ProcessInfo } from "./process-table.ts";

/**
 * A process as /proc shows it. Null: it has exited, or the pid belongs to another one.
 *
 * @param start CLOCK_BOOTTIME [ns]; compared in ticks of 10 ms, the unit of field 22 of /proc/PID/stat
 */
export function readProc(pid: number, start: number): ProcessInfo | null {
	try {
		const stat = readStat(pid);
		if (Math.abs(stat.startTicks - start / 1e7) > 1) return null;
		return {
			pid,
			start,
			ppid: stat.ppid,
			uid: uidOf(pid),
			comm: stat.comm,
			parentComm: attempt(() => readStat(stat.ppid).comm, ""),
			args: attempt(() => readArguments(pid), ""),
			device: 0,
			leafFirst: "",
			exe: attempt(() => readlinkSync(`/proc/${pid}/exe`), null),
		};
	} catch {
		return null;
	}
}

function readStat(pid: number): { comm: string; ppid: number; startTicks: number } {
	const text = readFileSync(`/proc/${pid}/stat`, "utf8");
	const open = text.indexOf("(");
	const close = text.lastIndexOf(")");
	/* comm may contain spaces and parentheses: fields are counted from the last parenthesis, behind which field 3
	 * begins. */
	const fields = text.slice(close + 2).split(" ");
	return { comm: text.slice(open + 1, close), ppid: Number(fields[1]), startTicks: Number(fields[19]) };
}

/* As much as the kernel's programs read: a command line may have megabytes. */
function readArguments(pid: number): string {
	const file = openSync(`/proc/${pid}/cmdline`, "r");
	try {
		const bytes = Buffer.alloc(ARGS_MAX);
		return bytes.toString("utf8", 0, readSync(file, bytes)).replace(/\0$/, "");
	} finally {
		closeSync(file);
	}
}

function uidOf(pid: number): number {
	return Number(/^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

function attempt<T>(read: () => T, otherwise: T): T {
	try {
		return read();
	} catch {
		return otherwise;
	}
}
