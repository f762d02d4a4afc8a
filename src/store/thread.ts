import type { Worker } from "node:worker_threads";
import { startThread as start } from "../system/thread.ts";

/** A thread of this folder. `young`, `old`: MB of the heap's generations. */
export function startThread(
	file: "./writer.ts" | "./reader.ts",
	workerData: unknown,
	young: number,
	old: number,
): Worker {
	return start(new URL(file, import.meta.url), { workerData, young, old });
}
