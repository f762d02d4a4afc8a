import type { CompiledFacts } from "../policy/compile/compile.ts";
import type { Policy } from "../policy/model.ts";
import type { PolicyProblem } from "../policy/read/problem.ts";

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
	/** With the overlays. */
	readonly policy: Policy;
	readonly facts: CompiledFacts;
	/** Of the text. */
	readonly warnings: readonly PolicyProblem[];
}

export type LoadResult =
	| { readonly ok: true; readonly policy: PolicyInForce }
	/** `timedOut`: the policy was not checked in time, and may be valid. */
	| { readonly ok: false; readonly problems: readonly PolicyProblem[]; readonly timedOut: boolean };

export interface LoadFailure {
	readonly time: Date;
	readonly source: string;
	readonly origin: PolicyOrigin;
	readonly problems: readonly PolicyProblem[];
}

export type LoadCause = "policy" | "overlays";

export interface PolicyWatcher {
	/** A policy has come into force. `cause`: what has changed. */
	loaded?(policy: PolicyInForce, cause: LoadCause): void;
	/** A policy was refused. `generation`: of the policy that stays in force. */
	refused?(failure: LoadFailure, generation: number): void;
}
