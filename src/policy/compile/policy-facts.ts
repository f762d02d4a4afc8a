import type { Policy } from "../model.ts";
import type { PolicyProblem } from "../read/problem.ts";
import type { CompiledFacts } from "./compile.ts";

/** The result of checking a policy. */
export interface PolicyCheck {
	readonly ok: boolean;
	readonly problems: readonly PolicyProblem[];
	/** Of a valid policy. */
	readonly warnings: readonly PolicyProblem[];
	/** Null: the policy is invalid. */
	readonly facts: PolicyFacts | null;
}

/** Figures about a policy, for people. */
export interface PolicyFacts {
	readonly mode: string;
	readonly rules: number;
	readonly prefixes: number;
	readonly names: number;
	/** Size of the compiled policy [bytes]. */
	readonly bytes: number;
}

/** The figures of a policy and its compiled form. */
export function factsOf({ mode, rules }: Policy, { prefixes, names, bytes }: CompiledFacts): PolicyFacts {
	return { mode, rules: rules.length, prefixes: prefixes.v4 + prefixes.v6, names, bytes };
}
