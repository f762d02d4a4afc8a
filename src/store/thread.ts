import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";

/**
 * A thread of this folder. The main thread's compile cache is not a worker's unless it is in its environment: without it each thread
 * loads Node's TypeScript compiler, some 30 MB.
 */
export function startThread(
	file: "./writer.ts" | "./reader.ts",
	workerData: unknown,
	young: number,
	old: number,
): Worker {
	const cache = getCompileCacheDir();
	return new Worker(new URL(file, import.meta.url), {
		workerData,
		/* Node keeps a folder for each of its versions in the one that it is given. */
		env: cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) },
		resourceLimits: { maxYoungGenerationSizeMb: young, maxOldGenerationSizeMb: old },
	});
}
