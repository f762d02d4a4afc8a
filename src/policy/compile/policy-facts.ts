import type { Policy } from "../model.ts";
import type { PolicyProblem } from "../read/problem.ts";
import type { CompiledFacts } from "./compile.ts";

/** What checking a policy tells. */
export interface PolicyCheck {
	readonly ok: boolean;
	readonly problems: readonly PolicyProblem[];
	/** Null: it is not good. */
	readonly facts: PolicyFacts | null;
}

export interface PolicyFacts {
	readonly mode: string;
	readonly rules: number;
	readonly prefixes: number;
	readonly names: number;
	/** In the kernel. */
	readonly bytes: number;
}

export function factsOf({ mode, rules }: Policy, { prefixes, names, bytes }: CompiledFacts): PolicyFacts {
	return { mode, rules: rules.length, prefixes: prefixes.v4 + prefixes.v6, names, bytes };
}
