import { PHASES, type Phase, type Rule } from "./model.ts";

/** The phases in which a rule takes part: the table of docs/deciding.md, narrowed by the rule itself. */
export function phasesOf(rule: Pick<Rule, "action" | "phases" | "to">): Phase[] {
	return PHASES.filter((phase) => canTakePart(rule, phase) && (rule.phases?.includes(phase) ?? true));
}

/** Whether a rule has conditions that only an HTTP request can meet. */
export function asksOfRequests({ to }: Pick<Rule, "to">): boolean {
	return to.method !== null || to.path !== null || to.status !== null;
}

function canTakePart(rule: Pick<Rule, "action" | "to">, phase: Phase): boolean {
	if (asksOfRequests(rule)) return phase === "http";
	return phase !== "dns" || asksOfNames(rule);
}

/** A deny or alert for a place (cidr, ports, protocol) speaks of a later connection, not of the question. */
function asksOfNames({ action, to }: Pick<Rule, "action" | "to">): boolean {
	if (to.domain === null) return false;
	return action === "allow" || (to.cidr === null && to.ports === null && to.protocol === null);
}
