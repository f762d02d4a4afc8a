import { readFile } from "node:fs/promises";
import { sentence } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { RuleNamer } from "../connections/decisions.ts";
import type { Kernel } from "../native/binding.ts";
import type { CompiledFacts } from "../policy/compile/compile.ts";
import type { HashKey } from "../policy/compile/hash.ts";
import type { Slots } from "../policy/compile/slots.ts";
import { type Action, type Policy, ruleKey } from "../policy/model.ts";
import { type PolicyProblem, renderProblem, unreadable, wholeFile } from "../policy/read/problem.ts";
import type { RuleRef } from "../records/connection.ts";
import { BusyError, Turns } from "../system/turns.ts";
import type { BuildRequest, Built } from "./build-policy.ts";
import { BuildTimeoutError } from "./policy-thread.ts";
import type { SlotBook } from "./slot-book.ts";

export type PolicyOrigin = "file" | "api" | "built-in";

/** The policy in force. */
export interface PolicyInForce {
	readonly text: string;
	/** Shown in problems and status: the path of the file, or "(api)". */
	readonly source: string;
	readonly origin: PolicyOrigin;
	readonly etag: string;
	readonly generation: number;
	readonly loadedAt: Date;
	/** Time from the request until it was in force [ms]. */
	readonly loadMs: number;
	readonly policy: Policy;
	readonly facts: CompiledFacts;
}

export type LoadResult =
	| { readonly ok: true; readonly policy: PolicyInForce }
	/** `timedOut`: the policy was not checked in time, and may be valid. */
	| { readonly ok: false; readonly problems: readonly PolicyProblem[]; readonly timedOut: boolean };

/** The policy in force is not the one that the caller wants to replace. */
export class StaleError extends Error {
	readonly current: PolicyInForce | null;

	constructor(current: PolicyInForce | null) {
		super("another policy is in force");
		this.name = "StaleError";
		this.current = current;
	}
}

export interface LoadFailure {
	readonly time: Date;
	readonly source: string;
	readonly origin: PolicyOrigin;
	readonly problems: readonly PolicyProblem[];
}

export interface PolicyServiceOptions {
	readonly kernel: Pick<Kernel, "installPolicy" | "sum">;
	/** Parses, checks and compiles. In another thread if the policy may be large. */
	readonly build: (request: BuildRequest, origin: PolicyOrigin) => Promise<Built>;
	readonly slots: SlotBook;
	readonly hashKey: HashKey;
	/** The last generation used in this kernel. */
	readonly generation: number;
	readonly forceObserve: boolean;
	/** Generations whose rule names are kept for late events. */
	readonly keepGenerations: number;
	readonly log: Logger;
}

export interface PolicyWatcher {
	/** A policy has come into force. */
	loaded?(policy: PolicyInForce): void;
	/** A policy was refused. `generation`: of the policy that stays in force. */
	refused?(failure: LoadFailure, generation: number): void;
}

/**
 * Holds the policy in force and loads others, one at a time. A policy with problems changes nothing but the record of
 * the failure.
 */
export class PolicyService implements RuleNamer {
	readonly counts = { loaded: 0, refused: 0 };
	lastFailure: LoadFailure | null = null;
	/** The last load succeeded. */
	healthy = true;
	readonly #o: PolicyServiceOptions;
	readonly #rules = new Map<number, readonly RuleRef[]>();
	readonly #turns = new Turns(WAITING);
	/** Loads of a file that have not begun. They read the file when they do, so a second request joins the first. */
	readonly #waitingFiles = new Map<string, Promise<LoadResult>>();
	readonly #watchers: PolicyWatcher[] = [];
	#actions: ReadonlyMap<string, Action> = new Map();
	#current: PolicyInForce | null = null;
	#generation: number;
	#closed = false;

	constructor(options: PolicyServiceOptions) {
		this.#o = options;
		this.#generation = options.generation;
	}

	/** Null while the policy in force is an earlier daemon's. */
	get current(): PolicyInForce | null {
		return this.#current;
	}

	/** Generation of the policy in force, including an earlier daemon's; 0: none. */
	get generation(): number {
		return this.#generation;
	}

	/** Calls the watcher after each load, in the order in which watchers were added. */
	watch(watcher: PolicyWatcher): void {
		this.#watchers.push(watcher);
	}

	ruleOf(generation: number, index: number): RuleRef | null {
		return this.#rules.get(generation)?.[index] ?? null;
	}

	/** Action of a rule in force, by ruleKey(). */
	actionOf(key: string): Action | null {
		return this.#actions.get(key) ?? null;
	}

	/** Rejects all waiting and later loads. */
	close(): void {
		this.#closed = true;
	}

	/**
	 * Loads a policy after those that wait. Rejects with StaleError if `replaces` returns false for the policy in force
	 * by then, and with BusyError if too many loads wait.
	 */
	load(
		text: string,
		source: string,
		origin: PolicyOrigin,
		replaces: (current: PolicyInForce | null) => boolean = () => true,
	): Promise<LoadResult> {
		return this.#turns.take(async () => {
			if (!replaces(this.#current)) throw new StaleError(this.#current);
			return this.#load(text, source, origin);
		});
	}

	/** Loads a file. A file that cannot be read is refused like a policy with problems. */
	loadFile(path: string): Promise<LoadResult> {
		const waiting = this.#waitingFiles.get(path);
		if (waiting !== undefined) return waiting;
		const load = this.#turns.take(async () => {
			this.#waitingFiles.delete(path);
			return this.#loadFile(path);
		});
		this.#waitingFiles.set(path, load);
		load.catch((error: unknown) => {
			if (error instanceof BusyError) this.#waitingFiles.delete(path);
		});
		return load;
	}

	/** Loads a file unless its text is in force already; null: it was. */
	loadFileIfChanged(path: string): Promise<LoadResult | null> {
		return this.#turns.take(async () => {
			const current = this.#current;
			if (current?.source === path && this.healthy) {
				const text = await readFile(path, "utf8").catch(() => null);
				if (text === current.text) return null;
			}
			return this.#loadFile(path);
		});
	}

	async #loadFile(path: string): Promise<LoadResult> {
		let text: string;
		try {
			text = await readFile(path, "utf8");
		} catch (error) {
			return this.#refuse(path, "file", [unreadable(path, error)]);
		}
		return this.#load(text, path, "file");
	}

	async #load(text: string, source: string, origin: PolicyOrigin): Promise<LoadResult> {
		const { slots, hashKey, forceObserve, build, kernel, log } = this.#o;
		const started = performance.now();
		const generation = this.#generation + 1;
		try {
			const built = await build({ text, source, forceObserve, generation, hashKey, slots: slots.entries }, origin);
			if (this.#closed) throw new Error("closed");
			if (!built.ok) return this.#refuse(source, origin, built.problems);
			const { policy, facts, etag } = built;
			/* Stored before the policy is in force, because its first event may follow immediately. */
			this.#remember(generation, facts);
			kernel.installPolicy(built.rows, generation);
			this.#generation = generation;
			this.#keepSlots(built.slots);
			const loadMs = performance.now() - started;
			this.#current = { text, source, origin, etag, generation, loadedAt: new Date(), loadMs, policy, facts };
		} catch (error) {
			if (this.#closed) throw error;
			return this.#refuse(source, origin, [wholeFile(source, sentence(error))], error instanceof BuildTimeoutError);
		}
		this.#actions = new Map(this.#current.policy.rules.map((rule) => [ruleKey(rule), rule.action]));
		this.counts.loaded++;
		this.healthy = true;
		this.lastFailure = null;
		const { mode, rules } = this.#current.policy;
		log.info("policy in force", {
			source,
			generation,
			mode,
			rules: rules.length,
			bytes: this.#current.facts.bytes,
			ms: Math.round(this.#current.loadMs),
		});
		const loaded = this.#current;
		for (const watcher of this.#watchers) watcher.loaded?.(loaded);
		return { ok: true, policy: loaded };
	}

	/* The policy is in force already, so a failure to save it (disk full or read-only) is no reason to refuse it. */
	#keepSlots(slots: Slots): void {
		try {
			this.#o.slots.commit(slots, () => this.#o.kernel.sum("rules"));
		} catch (error) {
			this.#o.log.warn("the counter slots of the rules cannot be saved; counts may start at 0 after a restart", {
				error,
			});
		}
	}

	#remember(generation: number, facts: CompiledFacts): void {
		this.#rules.set(
			generation,
			facts.rules.map(({ group, name }) => ({ group, name })),
		);
		for (const old of this.#rules.keys()) if (old <= generation - this.#o.keepGenerations) this.#rules.delete(old);
	}

	#refuse(source: string, origin: PolicyOrigin, problems: readonly PolicyProblem[], timedOut = false): LoadResult {
		this.counts.refused++;
		this.healthy = false;
		this.lastFailure = { time: new Date(), source, origin, problems };
		const kept = this.#generation === 0 ? "none is in force" : "the previous one stays in force";
		this.#o.log.error(`policy refused; ${kept}`, {
			source,
			generation: this.#generation,
			problems: problems.slice(0, 20).map(renderProblem),
			count: problems.length,
		});
		for (const watcher of this.#watchers) watcher.refused?.(this.lastFailure, this.#generation);
		return { ok: false, problems, timedOut };
	}
}

/** Loads in progress and waiting. Each holds its text in memory. */
const WAITING = 8;
