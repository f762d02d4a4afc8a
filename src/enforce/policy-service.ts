import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RuleRef } from "../connections/connection.ts";
import type { RuleNamer } from "../connections/table.ts";
import type { Logger } from "../logger.ts";
import type { Kernel } from "../native/binding.ts";
import { type CompiledFacts, compile } from "../policy/compile.ts";
import { type Environment, type Policy, ruleKey } from "../policy/model.ts";
import { parsePolicy } from "../policy/parse.ts";
import { type PolicyProblem, renderProblem } from "../policy/problem.ts";
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

export interface LoadFailure {
	readonly time: Date;
	readonly source: string;
	readonly problems: readonly PolicyProblem[];
}

export interface PolicyServiceOptions {
	readonly kernel: Pick<Kernel, "installPolicy" | "sum">;
	readonly environmentFor: (source: string) => Environment;
	readonly slots: SlotBook;
	readonly hashKey: readonly [number, number];
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

/** The policy in force, and the only way to another one. A bad one changes nothing but the record of its failure. */
export class PolicyService implements RuleNamer {
	readonly counts = { loaded: 0, refused: 0 };
	lastFailure: LoadFailure | null = null;
	/** The last try succeeded. */
	healthy = true;
	readonly #o: PolicyServiceOptions;
	readonly #rules = new Map<number, readonly RuleRef[]>();
	#current: PolicyInForce | null = null;
	#generation: number;

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

	loadFile(path: string): LoadResult {
		let text: string;
		try {
			text = readFileSync(path, "utf8");
		} catch (error) {
			return this.#refuse(path, [unreadable(path, error)]);
		}
		return this.load(text, path, "file");
	}

	/** The file was touched: load it unless it says what is in force. */
	loadFileIfChanged(path: string): LoadResult | null {
		try {
			if (this.#current?.source === path && this.healthy && readFileSync(path, "utf8") === this.#current.text)
				return null;
		} catch {
			/* loadFile says what is wrong */
		}
		return this.loadFile(path);
	}

	load(text: string, source: string, origin: PolicyOrigin): LoadResult {
		const started = performance.now();
		const parsed = parsePolicy(text, source, this.#o.environmentFor(source));
		if (!parsed.ok) return this.#refuse(source, parsed.problems);
		const policy: Policy = this.#o.forceObserve ? { ...parsed.policy, mode: "observe" } : parsed.policy;
		const generation = this.#generation + 1;
		try {
			const slots = this.#o.slots.assign(policy.rules.map(ruleKey), generation);
			const { rows, meta } = compile(policy, { generation, hashKey: this.#o.hashKey, slots: slots.byRule });
			/* Known before it decides: the first event may come at once. */
			this.#remember(generation, meta);
			this.#o.kernel.installPolicy(rows, generation);
			this.#generation = generation;
			slots.commit(() => this.#o.kernel.sum("rules"));
			this.#current = this.#inForce(text, source, origin, policy, meta, performance.now() - started);
		} catch (error) {
			return this.#refuse(source, [whole(source, error instanceof Error ? error.message : String(error))]);
		}
		this.counts.loaded++;
		this.healthy = true;
		this.lastFailure = null;
		const { mode, rules } = this.#current.policy;
		this.#o.log.info("policy in force", {
			source,
			generation,
			mode,
			rules: rules.length,
			bytes: this.#current.facts.bytes,
			ms: Math.round(this.#current.loadMs),
		});
		this.#o.onLoaded(this.#current);
		return { ok: true, policy: this.#current };
	}

	#inForce(
		text: string,
		source: string,
		origin: PolicyOrigin,
		policy: Policy,
		facts: CompiledFacts,
		loadMs: number,
	): PolicyInForce {
		return {
			text,
			source,
			origin,
			etag: etagOf(text),
			generation: facts.generation,
			loadedAt: new Date(),
			loadMs,
			policy,
			facts,
		};
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

/** Strong: the same bytes, the same tag. */
export function etagOf(text: string): string {
	return `"${createHash("sha256").update(text).digest("hex").slice(0, 32)}"`;
}

function unreadable(path: string, error: unknown): PolicyProblem {
	const { code, message } = error as NodeJS.ErrnoException;
	return whole(path, code === "ENOENT" ? "there is no such file" : `cannot be read: ${message}`);
}

function whole(file: string, message: string): PolicyProblem {
	return { file, line: 1, column: 1, path: "", message, expected: "" };
}
