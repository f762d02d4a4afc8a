import type { Worker } from "node:worker_threads";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import { startThread } from "../system/thread.ts";
import { Turns } from "../system/turns.ts";
import type { BuildRequest, Built } from "./build-policy.ts";
import { type PackedPolicy, unpack } from "./packed-policy.ts";

/** Where list files lie, see HostEnvironmentOptions. */
export interface ListFolder {
	readonly folder: string;
	readonly within?: string | null;
}

export interface CheckRequest {
	readonly text: string;
	/** What problems show as their file. */
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

/** Builds and checks policies in a thread, one after the other. The thread ends when there has been nothing to do for a while. */
export class PolicyThread {
	readonly #turns = new Turns(WAITING);
	readonly #idle: number;
	#worker: Worker | null = null;
	#rest: NodeJS.Timeout | null = null;
	#closed = false;

	/** `idle`: ms with nothing to do after which the thread ends. */
	constructor(idle = IDLE) {
		this.#idle = idle;
	}

	/** Rejects with BusyError, or if it does not come to an end. */
	async build(request: BuildRequest, lists: ListFolder): Promise<Built> {
		const built = await this.#ask<"build">({ type: "build", lists, request });
		return built.ok ? { ...built, policy: unpack(built.policy) } : built;
	}

	check(request: CheckRequest, lists: ListFolder): Promise<PolicyCheck> {
		return this.#ask<"check">({ type: "check", lists, ...request });
	}

	async close(): Promise<void> {
		this.#closed = true;
		this.#stayAwake();
		await this.#worker?.terminate();
	}

	#ask<K extends keyof FromPolicyWorker>(asked: ToPolicyWorker): Promise<FromPolicyWorker[K]> {
		return this.#turns.take(() => this.#run(asked)) as Promise<FromPolicyWorker[K]>;
	}

	async #run(asked: ToPolicyWorker): Promise<unknown> {
		if (this.#closed) throw new Error("the daemon is ending");
		this.#stayAwake();
		const worker = this.#worker ?? this.#start();
		worker.ref();
		const { promise, resolve, reject } = Promise.withResolvers<unknown>();
		const onExit = () => reject(new Error("it took too long, or too much memory"));
		worker.once("message", resolve).once("error", reject).once("exit", onExit);
		const patience = setTimeout(() => void worker.terminate(), PATIENCE);
		worker.postMessage(asked);
		try {
			return await promise;
		} finally {
			clearTimeout(patience);
			worker.off("message", resolve).off("error", reject).off("exit", onExit).unref();
			this.#rest = setTimeout(() => this.#end(worker), this.#idle).unref();
		}
	}

	#start(): Worker {
		const worker = startThread(new URL("./policy-worker.ts", import.meta.url), { old: MEMORY_MB });
		/* Said to whoever waits; an error without a listener would end the daemon. */
		worker.on("error", () => {});
		worker.on("exit", () => {
			if (this.#worker === worker) this.#worker = null;
		});
		this.#worker = worker;
		return worker;
	}

	/* It takes a moment to end: what is asked meanwhile is for another. */
	#end(worker: Worker): void {
		if (this.#worker === worker) this.#worker = null;
		void worker.terminate();
	}

	#stayAwake(): void {
		if (this.#rest !== null) clearTimeout(this.#rest);
		this.#rest = null;
	}
}

/** At work and waiting, each with up to LIMITS.policyBytes of text. */
const WAITING = 8;
const MEMORY_MB = 1_024;
/** ms */
const PATIENCE = 60_000;
const IDLE = 2_000;
