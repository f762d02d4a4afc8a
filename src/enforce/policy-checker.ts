import { Worker } from "node:worker_threads";
import type { PolicyReport } from "./check-policy.ts";

export interface CheckRequest {
	readonly text: string;
	/** What problems show as their file. */
	readonly source: string;
	/** Folder of list files; null: none may be named. */
	readonly folder: string | null;
}

/** Checks policies in threads of their own, one after the other. */
export class PolicyChecker {
	#last: Promise<unknown> = Promise.resolve();
	readonly #workers = new Set<Worker>();
	#closed = false;

	/** Rejects if the check does not come to an end. */
	check(request: CheckRequest): Promise<PolicyReport> {
		const next = this.#last.then(() => this.#run(request));
		this.#last = next.catch(() => {});
		return next;
	}

	async close(): Promise<void> {
		this.#closed = true;
		await Promise.all([...this.#workers].map((worker) => worker.terminate()));
	}

	#run(request: CheckRequest): Promise<PolicyReport> {
		if (this.#closed) return Promise.reject(new Error("closed"));
		const { promise, resolve, reject } = Promise.withResolvers<PolicyReport>();
		const worker = new Worker(new URL("./check-worker.ts", import.meta.url), {
			workerData: request,
			resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
		});
		this.#workers.add(worker);
		const timer = setTimeout(() => void worker.terminate(), PATIENCE);
		worker.once("message", resolve);
		worker.once("error", reject);
		worker.once("exit", () => {
			clearTimeout(timer);
			this.#workers.delete(worker);
			reject(new Error("the check took too long"));
		});
		return promise;
	}
}

const MEMORY_MB = 1_024;
/** ms */
const PATIENCE = 60_000;
