import { readFile } from "node:fs/promises";
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
import type { SlotBook } from "./slot-book.ts";

export type PolicyOrigin = "file" | "api" | "built-in";

/** A policy in force. */
export interface PolicyInForce {
	readonly text: string;
	/** What problems and status show: the file's path, or "(api)". */
	readonly source: string;
	readonly origin: PolicyOrigin;
	readonly etag: string;
	readonly generation: number;
	readonly loadedAt: Date;
	readonly loadMs: number;
	readonly policy: Policy;
	readonly facts: CompiledFacts;
}

export type LoadResult =
	| { readonly ok: true; readonly policy: PolicyInForce }
	| { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/** Another policy is in force than the one that was to be replaced. */
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
	readonly problems: readonly PolicyProblem[];
}

export interface PolicyServiceOptions {
	readonly kernel: Pick<Kernel, "installPolicy" | "sum">;
	/** Reads, checks and compiles; elsewhere than on the event loop, if the policy may be large. */
	readonly build: (request: BuildRequest) => Promise<Built>;
	readonly slots: SlotBook;
	readonly hashKey: HashKey;
	/** The last one used in this kernel; the next is one more. */
	readonly generation: number;
	readonly forceObserve: boolean;
	readonly keepGenerations: number;
	readonly log: Logger;
	/** After a policy has come into force. */
	readonly onLoaded: (policy: PolicyInForce) => void;
	/** After one was refused; `generation` is of what stays in force. */
	readonly onRefused?: (failure: LoadFailure, generation: number) => void;
}

/**
 * The policy in force, and the only way to another one: one after the other, each built elsewhere and installed here. A bad
 * one changes nothing but the record of its failure.
 */
export class PolicyService implements RuleNamer {
	readonly counts = { loaded: 0, refused: 0 };
	lastFailure: LoadFailure | null = null;
	/** The last try succeeded. */
	healthy = true;
	readonly #o: PolicyServiceOptions;
	readonly #rules = new Map<number, readonly RuleRef[]>();
	readonly #turns = new Turns(WAITING);
	/** Loads of a file that have not begun: they will read what it says then. */
	readonly #waitingFiles = new Map<string, Promise<LoadResult>>();
	#actions: ReadonlyMap<string, Action> = new Map();
	#current: PolicyInForce | null = null;
	#generation: number;
	#closed = false;

	constructor(options: PolicyServiceOptions) {
		this.#o = options;
		this.#generation = options.generation;
	}

	/** Null while an earlier daemon's policy is in force and none of ours. */
	get current(): PolicyInForce | null {
		return this.#current;
	}

	/** Of the policy that decides now, whoever loaded it; 0: none. */
	get generation(): number {
		return this.#generation;
	}

	ruleOf(generation: number, index: number): RuleRef | null {
		return this.#rules.get(generation)?.[index] ?? null;
	}

	/** Of a rule in force, by ruleKey(). */
	actionOf(key: string): Action | null {
		return this.#actions.get(key) ?? null;
	}

	/** Nothing is put in force any more; what waits is rejected. */
	close(): void {
		this.#closed = true;
	}

	/** Rejects with StaleError if `replaces` does not hold when its turn comes, with BusyError if too many wait. */
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

	/** The file was touched: load it unless it says what is in force. */
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
			return this.#refuse(path, [unreadable(path, error)]);
		}
		return this.#load(text, path, "file");
	}

	async #load(text: string, source: string, origin: PolicyOrigin): Promise<LoadResult> {
		const { slots, hashKey, forceObserve, build, kernel, log, onLoaded } = this.#o;
		const started = performance.now();
		const generation = this.#generation + 1;
		try {
			const built = await build({ text, source, forceObserve, generation, hashKey, slots: slots.entries });
			if (this.#closed) throw new Error("closed");
			if (!built.ok) return this.#refuse(source, built.problems);
			const { policy, facts, etag } = built;
			/* Known before it decides: the first event may come at once. */
			this.#remember(generation, facts);
			kernel.installPolicy(built.rows, generation);
			this.#generation = generation;
			this.#keepSlots(built.slots);
			const loadMs = performance.now() - started;
			this.#current = { text, source, origin, etag, generation, loadedAt: new Date(), loadMs, policy, facts };
		} catch (error) {
			if (this.#closed) throw error;
			return this.#refuse(source, [wholeFile(source, error instanceof Error ? error.message : String(error))]);
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
		onLoaded(this.#current);
		return { ok: true, policy: this.#current };
	}

	/* The policy decides already: a disk that is full or read-only is no reason to call it refused. */
	#keepSlots(slots: Slots): void {
		try {
			this.#o.slots.commit(slots, () => this.#o.kernel.sum("rules"));
		} catch (error) {
			const { message } = error as Error;
			this.#o.log.warn("which rule has which counter is not kept; after a restart counts may begin anew", {
				why: message,
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

	#refuse(source: string, problems: readonly PolicyProblem[]): LoadResult {
		this.counts.refused++;
		this.healthy = false;
		this.lastFailure = { time: new Date(), source, problems };
		const kept = this.#generation === 0 ? "none is in force" : "the one before stays in force";
		this.#o.log.error(`policy refused; ${kept}`, {
			source,
			generation: this.#generation,
			problems: problems.slice(0, 20).map(renderProblem),
			count: problems.length,
		});
		this.#o.onRefused?.(this.lastFailure, this.#generation);
		return { ok: false, problems };
	}
}

/** At work and waiting, each with its text. */
const WAITING = 8;
