import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";

export interface ThreadOptions {
	readonly workerData?: unknown;
	/** MB of the heap's generations. */
	readonly young?: number;
	readonly old: number;
}

/**
 * A thread. The main thread's compile cache is not a worker's unless it is in its environment: without it each thread
 * loads Node's TypeScript compiler, some 30 MB.
 */
export function startThread(file: URL, { workerData, young, old }: ThreadOptions): Worker {
	const cache = getCompileCacheDir();
	return new Worker(file, {
		workerData,
		/* Node keeps a folder for each of its versions in the one that it is given. */
		env: cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) },
		resourceLimits: {
			maxOldGenerationSizeMb: old,
			...(young === undefined ? {} : { maxYoungGenerationSizeMb: young }),
		},
	});
}
