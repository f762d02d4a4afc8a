import type { DecisionEvent } from "../native/event-views.ts";
import { NO_RULE, PHASES, REASONS, VERDICTS } from "../native/layout.ts";
import type { PhaseDecision, RuleRef } from "../records/connection.ts";

export interface RuleNamer {
	/** Null if that policy is no longer known. */
	ruleOf(generation: number, index: number): RuleRef | null;
}

/** A policy makes few decisions that differ: one object each, for all connections. */
export class Decisions {
	readonly #rules: RuleNamer;
	readonly #known = new Map<number, PhaseDecision>();
	/** Of those that are known. */
	#generation = 0;

	constructor(rules: RuleNamer) {
		this.#rules = rules;
	}

	of({ phase, verdict, reason, rule, generation }: DecisionEvent): PhaseDecision {
		if (generation !== this.#generation) {
			this.#known.clear();
			this.#generation = generation;
		}
		const key = ((rule * REASONS + reason) * VERDICTS + verdict) * PHASES + phase;
		let decision = this.#known.get(key);
		if (decision === undefined) {
			const ref = rule === NO_RULE ? null : this.#rules.ruleOf(generation, rule);
			decision = { phase, verdict, reason, rule: ref, generation };
			this.#known.set(key, decision);
		}
		return decision;
	}
}
