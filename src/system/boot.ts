import { readFileSync } from "node:fs";

/** CLOCK_BOOTTIME [ms], with a resolution of 10 ms: proc_uptime(5). It goes on during suspend. */
export function bootTime(): number {
	return Math.round(Number(readFileSync("/proc/uptime", "latin1").split(" ", 1)[0]) * 1000);
}

/** The id of this boot, random(4). */
export function bootId(): string {
	return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}
