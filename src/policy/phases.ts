import { PHASES, type Phase, type Rule } from "./model.ts";

/** The phases in which a rule takes part: the table in docs/deciding.md, restricted by the rule's own `phases`. */
export function phasesOf(rule: Pick<Rule, "action" | "phases" | "to">): Phase[] {
	return PHASES.filter((phase) => canTakePart(rule, phase) && (rule.phases?.includes(phase) ?? true));
}

/** Whether the rule has a condition that only HTTP requests can match. */
export function isRequestRule({ to }: Pick<Rule, "to">): boolean {
	return to.method !== null || to.path !== null || to.status !== null;
}

function canTakePart(rule: Pick<Rule, "action" | "to">, phase: Phase): boolean {
	if (isRequestRule(rule)) return phase === "http";
	return phase !== "dns" || isQuestionRule(rule);
}

/**
 * Conditions on cidr, ports or protocol apply to the later connection. With such a condition, only allow rules also apply to
 * the DNS query.
 */
function isQuestionRule({ action, to }: Pick<Rule, "action" | "to">): boolean {
	if (to.domain === null) return false;
	return action === "allow" || (to.cidr === null && to.ports === null && to.protocol === null);
}
