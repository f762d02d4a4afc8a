import type { Worker } from "node:worker_threads";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import { startThread } from "../system/thread.ts";
import { Turns } from "../system/turns.ts";
import type { BuildRequest, Built } from "./build-policy.ts";
import { type PackedPolicy, unpack } from "./packed-policy.ts";

/** Location of list files, see HostEnvironmentOptions. */
export interface ListFolder {
	readonly folder: string;
	readonly within?: string | null;
}

export interface CheckRequest {
	readonly text: string;
	/** The file name in problems. */
	readonly source: string;
}

export type ToPolicyWorker =
	| ({ readonly type: "check"; readonly lists: ListFolder } & CheckRequest)
	| { readonly type: "build"; readonly lists: ListFolder; readonly request: BuildRequest };

type BuiltElsewhere =
	| Extract<Built, { ok: false }>
	| (Omit<Extract<Built, { ok: true }>, "policy"> & { policy: PackedPolicy });

export interface FromPolicyWorker {
	readonly check: PolicyCheck;
	readonly build: BuiltElsewhere;
}

/** The thread did not finish in time. The policy may be valid. */
export class BuildTimeoutError extends Error {
	constructor() {
		super("the policy was not checked in time");
		this.name = "BuildTimeoutError";
	}
}

/** Builds and checks policies in a thread, one at a time. The thread ends after it has been idle for a while. */
export class PolicyThread {
	readonly #turns = new Turns(WAITING);
	readonly #idle: number;
	readonly #timeout: number;
	#worker: Worker | null = null;
	#rest: NodeJS.Timeout | null = null;
	#closed = false;

	/** `idle`: time after which an idle thread ends [ms]; `timeout`: the longest time of a request [ms]. */
	constructor(idle = IDLE, timeout = TIMEOUT) {
		this.#idle = idle;
		this.#timeout = timeout;
	}

	/**
	 * Rejects with BusyError if too many requests wait, with BuildTimeoutError if the thread needs too much time, and
	 * with Error if it needs too much memory.
	 */
	async build(request: BuildRequest, lists: ListFolder): Promise<Built> {
		const built = await this.#request<"build">({ type: "build", lists, request });
		return built.ok ? { ...built, policy: unpack(built.policy) } : built;
	}

	check(request: CheckRequest, lists: ListFolder): Promise<PolicyCheck> {
		return this.#request<"check">({ type: "check", lists, ...request });
	}

	async close(): Promise<void> {
		this.#closed = true;
		this.#stayAwake();
		await this.#worker?.terminate();
	}

	#request<K extends keyof FromPolicyWorker>(asked: ToPolicyWorker): Promise<FromPolicyWorker[K]> {
		return this.#turns.take(() => this.#run(asked)) as Promise<FromPolicyWorker[K]>;
	}

	async #run(asked: ToPolicyWorker): Promise<unknown> {
		if (this.#closed) throw new Error("the daemon is stopping");
		this.#stayAwake();
		const worker = this.#worker ?? this.#start();
		worker.ref();
		const { promise, resolve, reject } = Promise.withResolvers<unknown>();
		/* A thread that runs out of memory reports an error before it exits. */
		const onExit = () => reject(this.#closed ? new Error("the daemon is stopping") : new BuildTimeoutError());
		worker.once("message", resolve).once("error", reject).once("exit", onExit);
		const timeout = setTimeout(() => void worker.terminate(), this.#timeout);
		worker.postMessage(asked);
		try {
			return await promise;
		} finally {
			clearTimeout(timeout);
			worker.off("message", resolve).off("error", reject).off("exit", onExit).unref();
			this.#rest = setTimeout(() => this.#end(worker), this.#idle).unref();
		}
	}

	#start(): Worker {
		const worker = startThread(new URL("./policy-worker.ts", import.meta.url), { old: MEMORY_MB });
		/* #run reports errors to the caller. An error without a listener would end the daemon. */
		worker.on("error", () => {});
		worker.on("exit", () => {
			if (this.#worker === worker) this.#worker = null;
		});
		this.#worker = worker;
		return worker;
	}

	/* Requests that come while it ends go to a new one. */
	#end(worker: Worker): void {
		if (this.#worker === worker) this.#worker = null;
		void worker.terminate();
	}

	#stayAwake(): void {
		if (this.#rest !== null) clearTimeout(this.#rest);
		this.#rest = null;
	}
}

/** Requests in progress and waiting. Each holds up to LIMITS.policyBytes of text. */
const WAITING = 8;
const MEMORY_MB = 1_024;
/** [ms] */
const TIMEOUT = 60_000;
const IDLE = 2_000;
