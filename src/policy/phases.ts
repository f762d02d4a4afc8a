import { RULE_PHASES, type Rule, type RulePhase } from "./model.ts";

/** The phases in which a rule takes part: the table of docs/deciding.md, narrowed by the rule itself. */
export function phasesOf(rule: Pick<Rule, "action" | "phases" | "to">): RulePhase[] {
	return RULE_PHASES.filter(
		(phase) => (phase !== "dns" || asksOfNames(rule)) && (rule.phases?.includes(phase) ?? true),
	);
}

/** A deny or alert for a place (cidr, ports, protocol) speaks of a later connection, not of the question. */
function asksOfNames({ action, to }: Pick<Rule, "action" | "to">): boolean {
	if (to.domain === null) return false;
	return action === "allow" || (to.cidr === null && to.ports === null && to.protocol === null);
}
