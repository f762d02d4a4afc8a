import { LIMITS, TIMES } from "../base/config.ts";
import { sentence } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import type { HashKey } from "../policy/compile/hash.ts";
import type { Slots } from "../policy/compile/slots.ts";
import type { Overlay } from "../policy/layers.ts";
import { type Action, ruleKey } from "../policy/model.ts";
import { type PolicyProblem, renderProblem, renderWarning, unreadable, wholeFile } from "../policy/read/problem.ts";
import { TimedReader } from "../system/read-file.ts";
import { BusyError, Turns } from "../system/turns.ts";
import type { BuildRequest, Built, LayerRequest } from "./build-policy.ts";
import { StaleError, UnknownPolicyError } from "./policy-errors.ts";
import type {
	LoadCause,
	LoadFailure,
	LoadResult,
	PolicyInForce,
	PolicyOrigin,
	PolicyWatcher,
} from "./policy-in-force.ts";
import { BuildTimeoutError } from "./policy-process.ts";
import { RuleNames } from "./rule-names.ts";
import type { SlotBook } from "./slot-book.ts";

export interface PolicyServiceOptions {
	readonly kernel: Pick<Kernel, "installPolicy" | "sum">;
	/** Parses, checks and compiles. In another thread if the policy may be large. */
	readonly build: (request: BuildRequest, origin: PolicyOrigin) => Promise<Built>;
	/** Compiles a policy that was checked before, with other overlays. */
	readonly layer: (request: LayerRequest) => Promise<Built>;
	readonly slots: SlotBook;
	readonly hashKey: HashKey;
	/** The last generation used in this kernel. */
	readonly generation: number;
	readonly forceObserve: boolean;
	/** Generations whose rule names are kept for late events. */
	readonly keepGenerations: number;
	/** Longest read of a policy file [ms]. */
	readonly readTimeout?: number;
	readonly log: Logger;
}

/**
 * Holds the policy in force and loads others, one at a time. A policy with problems changes nothing but the record of
 * the failure.
 */
export class PolicyService {
	readonly counts = { loaded: 0, refused: 0 };
	lastFailure: LoadFailure | null = null;
	/** The last load succeeded. */
	healthy = true;
	readonly names: RuleNames;
	/** The oldest first. They are part of each policy that is loaded. */
	#overlays: readonly Overlay[] = [];
	readonly #o: PolicyServiceOptions;
	readonly #turns = new Turns(WAITING);
	readonly #files: TimedReader;
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
		this.names = new RuleNames(options.keepGenerations);
		this.#files = new TimedReader(options.readTimeout ?? TIMES.readFile);
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
			if (!replaces(this.#current)) throw new StaleError(this.#current?.etag ?? null);
			return this.#load(text, source, origin);
		});
	}

	/** Sets the overlays of the first policy, before it is loaded. */
	begin(overlays: readonly Overlay[]): void {
		this.#overlays = overlays;
	}

	/**
	 * Puts other overlays in force above the policy, after the loads that wait. `next` returns them, or throws to change
	 * nothing; `installed` is called before a later load begins. Rejects with RangeError beyond a limit, with
	 * UnknownPolicyError, and as load() does.
	 */
	layer(next: () => readonly Overlay[], installed: (generation: number) => void): Promise<PolicyInForce> {
		return this.#turns.take(async () => {
			const started = performance.now();
			const overlays = next();
			const current = this.#current;
			if (current === null) throw new UnknownPolicyError();
			const { hashKey, slots } = this.#o;
			const { policy, etag, text, source, origin, warnings, loadedAt } = current;
			const generation = this.#generation + 1;
			const built = await this.#o.layer({
				...{ policy, etag, source, generation, hashKey, slots: slots.entries, overlays },
			});
			if (this.#closed) throw new Error("closed");
			if (!built.ok) throw new RangeError(built.problems.map(({ message }) => message).join("; "));
			this.#install(built, { text, source, origin, warnings, loadedAt }, started);
			this.#overlays = overlays;
			installed(generation);
			return this.#announce("overlays");
		});
	}

	/** The rows of the policy with other overlays, which are not put in force. Null: the policy is unknown. */
	async compiled(overlays: readonly Overlay[]): Promise<Uint8Array | null> {
		const current = this.#current;
		if (current === null) return null;
		const { hashKey, slots } = this.#o;
		const { policy, etag, source, generation } = current;
		const built = await this.#o.layer({ policy, etag, source, generation, hashKey, slots: slots.entries, overlays });
		return built.ok ? built.rows : null;
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

	/** Loads a file unless its text is in force already, and its list files are as they were; null: it was. */
	loadFileIfChanged(path: string, listsChanged = false): Promise<LoadResult | null> {
		const isKnown = (text: string) => !listsChanged && this.healthy && text === this.#textOf(path);
		return this.#turns.take(() => this.#loadFile(path, isKnown));
	}

	#textOf(path: string): string | null {
		return this.#current?.source === path ? this.#current.text : null;
	}

	async #loadFile(path: string): Promise<LoadResult>;
	async #loadFile(path: string, known: (text: string) => boolean): Promise<LoadResult | null>;
	async #loadFile(path: string, known?: (text: string) => boolean): Promise<LoadResult | null> {
		let text: string;
		try {
			text = (await this.#files.read(path, LIMITS.policyBytes)).toString("utf8");
		} catch (error) {
			return this.#refuse(path, "file", [unreadable(path, error)]);
		}
		return known?.(text) === true ? null : this.#load(text, path, "file");
	}

	async #load(text: string, source: string, origin: PolicyOrigin): Promise<LoadResult> {
		const { slots, hashKey, forceObserve, build } = this.#o;
		const started = performance.now();
		const generation = this.#generation + 1;
		const request = { generation, hashKey, slots: slots.entries, overlays: this.#overlays };
		try {
			const built = await build({ ...request, text, source, forceObserve }, origin);
			if (this.#closed) throw new Error("closed");
			if (!built.ok) return this.#refuse(source, origin, built.problems);
			const { warnings } = built;
			this.#install(built, { text, source, origin, warnings, loadedAt: new Date() }, started);
		} catch (error) {
			if (this.#closed) throw error;
			return this.#refuse(source, origin, [wholeFile(source, sentence(error))], error instanceof BuildTimeoutError);
		}
		this.counts.loaded++;
		this.healthy = true;
		this.lastFailure = null;
		const policy = this.#announce("policy");
		const { warnings } = policy;
		if (warnings.length > 0) {
			const shown = warnings.slice(0, 20).map(renderWarning);
			this.#o.log.warn("the policy in force has warnings", {
				source,
				generation,
				warnings: shown,
				count: warnings.length,
			});
		}
		return { ok: true, policy };
	}

	/** Puts a compiled policy in force. */
	#install(built: BuiltPolicy, about: PolicyAbout, started: number): void {
		const { policy, facts, etag } = built;
		const { generation } = facts;
		/* Stored before the policy is in force, because its first event may follow immediately. */
		this.names.remember(generation, facts);
		this.#o.kernel.installPolicy(built.rows, generation);
		this.#generation = generation;
		this.#keepSlots(built.slots);
		const loadMs = performance.now() - started;
		this.#current = { ...about, etag, generation, loadMs, policy, facts };
		this.#actions = new Map(policy.rules.map((rule) => [ruleKey(rule), rule.action]));
	}

	#announce(cause: LoadCause): PolicyInForce {
		const loaded = this.#current;
		if (loaded === null) throw new Error("no policy is in force");
		const { source, generation, policy, facts, loadMs } = loaded;
		const { mode, rules } = policy;
		const [count, ms] = [this.#overlays.length, Math.round(loadMs)];
		this.#o.log.info("policy in force", {
			...{ source, generation, mode, rules: rules.length, overlays: count, bytes: facts.bytes, ms },
		});
		this.#notify((watcher) => watcher.loaded?.(loaded, cause));
		return loaded;
	}

	/* The policy is in force or refused by now, and the caller must learn which. */
	#notify(call: (watcher: PolicyWatcher) => void): void {
		for (const watcher of this.#watchers) {
			try {
				call(watcher);
			} catch (error) {
				this.#o.log.error("a step after the load of a policy failed", { generation: this.#generation, error });
			}
		}
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
		const failure = this.lastFailure;
		this.#notify((watcher) => watcher.refused?.(failure, this.#generation));
		return { ok: false, problems, timedOut };
	}
}

type BuiltPolicy = Extract<Built, { ok: true }>;
type PolicyAbout = Pick<PolicyInForce, "text" | "source" | "origin" | "warnings" | "loadedAt">;

/** Loads in progress and waiting. Each holds its text in memory. */
const WAITING = 8;
