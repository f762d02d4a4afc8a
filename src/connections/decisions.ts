import type { DecisionEvent } from "../native/event-views.ts";
import { NO_RULE, PHASES, REASONS, VERDICT, VERDICTS } from "../native/layout.ts";
import type { Connection, PhaseDecision, RuleRef } from "../records/connection.ts";

export interface RuleNamer {
	/**
	 * Null if the policy of this generation is no longer known. `index`: of the rule in that policy. `cgroup`: path of the
	 * client, null: unknown.
	 */
	ruleOf(generation: number, index: number, cgroup: string | null): RuleRef | null;
	/** Several overlays share the rule, and the client's cgroup decides whose it is. */
	isShared(generation: number, index: number): boolean;
}

/** Adds decisions to records. Equal decisions of a policy share one object, because a policy makes few different ones. */
export class Decisions {
	readonly #rules: RuleNamer;
	readonly #known = new Map<number, PhaseDecision>();
	/** Policy of the decisions in #known. */
	#generation = 0;

	constructor(rules: RuleNamer) {
		this.#rules = rules;
	}

	/** Adds the event's decision, its alert and the local address. */
	apply(connection: Connection, event: DecisionEvent): void {
		const cgroup = connection.cgroup?.path ?? null;
		connection.decide(this.#of(event, cgroup));
		if (connection.localPort === 0 && event.localPort !== 0) {
			connection.local = event.local;
			connection.localPort = event.localPort;
		}
		if (event.alert !== NO_RULE) {
			const alert = this.#rules.ruleOf(event.generation, event.alert, cgroup);
			if (alert !== null) connection.alert(alert);
		}
		if (connection.verdict !== VERDICT.deny) connection.denialReported = false;
	}

	#of({ phase, verdict, reason, rule, generation }: DecisionEvent, cgroup: string | null): PhaseDecision {
		const make = () => {
			const ref = rule === NO_RULE ? null : this.#rules.ruleOf(generation, rule, cgroup);
			return { phase, verdict, reason, rule: ref, generation };
		};
		if (rule !== NO_RULE && this.#rules.isShared(generation, rule)) return make();
		if (generation !== this.#generation) {
			this.#known.clear();
			this.#generation = generation;
		}
		const key = ((rule * REASONS + reason) * VERDICTS + verdict) * PHASES + phase;
		let decision = this.#known.get(key);
		if (decision === undefined) {
			decision = make();
			this.#known.set(key, decision);
		}
		return decision;
	}
}
