import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";

export interface ThreadOptions {
	readonly workerData?: unknown;
	/** Young generation of the heap [MB]; default: Node's. */
	readonly young?: number;
	/** Old generation of the heap [MB]. */
	readonly old: number;
}

/**
 * Starts a worker thread with the compile cache of the main thread. A worker uses a cache only if its environment names
 * one; without it each thread would load Node's TypeScript compiler (30 MB).
 */
export function startThread(file: URL, { workerData, young, old }: ThreadOptions): Worker {
	const cache = getCompileCacheDir();
	return new Worker(file, {
		workerData,
		/* getCompileCacheDir() is the subfolder of this version of Node. */
		env: cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) },
		resourceLimits: {
			maxOldGenerationSizeMb: old,
			...(young === undefined ? {} : { maxYoungGenerationSizeMb: young }),
		},
	});
}
