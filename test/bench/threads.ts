/** CPU use of a process, from the kernel's accounting. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

export interface Thread {
	readonly name: string;
	/** Time on a CPU [ns]. */
	readonly cpu: number;
	/** Time in which it was runnable but waited for a CPU [ns]. */
	readonly waited: number;
	/** Number of voluntary context switches. */
	readonly wakes: number;
}

/** By thread id; the main thread's id is the process id. Ended threads are missing. */
export function threadsOf(pid: number): Map<number, Thread> {
	const folder = `/proc/${pid}/task`;
	const threads = new Map<number, Thread>();
	for (const tid of readdirSync(folder)) {
		try {
			const [cpu = 0, waited = 0] = readFileSync(`${folder}/${tid}/schedstat`, "utf8").split(" ").map(Number);
			const status = readFileSync(`${folder}/${tid}/status`, "utf8");
			const wakes = Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
			threads.set(Number(tid), { name: readFileSync(`${folder}/${tid}/comm`, "utf8").trim(), cpu, waited, wakes });
		} catch {
			/* The thread has ended meanwhile. */
		}
	}
	return threads;
}

export interface Spent {
	readonly seconds: number;
	/** [ns] */
	readonly main: number;
	readonly mainWaited: number;
	readonly all: number;
	/** By thread name. */
	readonly byName: ReadonlyMap<string, number>;
	readonly wakes: number;
}

/** CPU use of a process while `work` ran. */
export async function spentDuring(pid: number, work: () => Promise<unknown>): Promise<Spent> {
	const before = threadsOf(pid);
	const began = performance.now();
	await work();
	const seconds = (performance.now() - began) / 1000;
	const byName = new Map<string, number>();
	let [all, wakes, main, mainWaited] = [0, 0, 0, 0];
	for (const [tid, { name, cpu, waited, wakes: times }] of threadsOf(pid)) {
		const was = before.get(tid);
		const spent = cpu - (was?.cpu ?? 0);
		all += spent;
		wakes += times - (was?.wakes ?? 0);
		if (tid === pid) [main, mainWaited] = [spent, waited - (was?.waited ?? 0)];
		byName.set(name, (byName.get(name) ?? 0) + spent);
	}
	return { seconds, main, mainWaited, all, byName, wakes };
}

/** Resident memory [bytes], now and at its peak. The kernel updates these counts with a small delay. */
export function memoryOf(pid: number): { readonly resident: number; readonly peak: number } {
	const status = readFileSync(`/proc/${pid}/status`, "utf8");
	const bytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
	return { resident: bytes("VmRSS"), peak: bytes("VmHWM") };
}

/** Resets the peak. */
export function resetPeak(pid: number): void {
	writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
