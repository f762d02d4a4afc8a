/** The decision of evaluate.ts step by step: each rule that was tried, and why it did or did not match. */
import { PROTOCOL } from "../../native/layout.ts";
import { readHostName, readQuestionName } from "../host-names.ts";
import { overlayGroup, overlayOf } from "../layers.ts";
import type { Action, Phase, Policy, Rule, Verdict } from "../model.ts";
import { isRequestRule, phasesOf } from "../phases.ts";
import { type Condition, conditionsOf, type Facts } from "./conditions.ts";
import { type Connection, type Decision, evaluate, isOpenForName, isUnread } from "./evaluate.ts";

export interface PhaseExplanation {
	readonly phase: Phase;
	readonly decision: Decision;
	/** The default action, which decides if no rule does. */
	readonly default: Verdict;
	/** Index of the pass that decided; null: no rules were tried (a trusted resolver, an unreadable question). */
	readonly decisive: number | null;
	/** Passes through the rules: in phase connect one for each learned name, in other phases one. */
	readonly looks: readonly Look[];
}

export interface Look {
	/** The name that the rules were tried with, or null. */
	readonly name: string | null;
	/** `hello`: allow rules whose name the connection has yet to show match whatever it is. */
	readonly as: "asked" | "hello";
	readonly rules: readonly RuleStep[];
	/** Number of rules after the one that decided. */
	readonly notReached: number;
}

export interface RuleStep {
	readonly group: string;
	readonly rule: string;
	/** The overlay that has the rule; null: the file. */
	readonly overlay: string | null;
	readonly action: Action;
	readonly outcome: "decides" | "alerts" | "no_match" | "other_phase";
	/** One sentence. */
	readonly why: string;
	readonly conditions: readonly Condition[];
}

/** Throws RangeError if the address is invalid. */
export function explain(policy: Policy, connection: Connection): PhaseExplanation {
	const decision = evaluate(policy, connection);
	const looks = looksOf(policy, connection).map((facts) => look(policy, facts));
	return {
		phase: connection.phase,
		decision,
		default: policy.defaults[connection.phase],
		decisive: decisiveOf(looks, decision),
		looks,
	};
}

/** The passes that docs/deciding.md defines for the phase. */
function looksOf(policy: Policy, connection: Connection): Facts[] {
	const { phase, address, port, protocol, who, request = null } = connection;
	const unread = isUnread(connection) ? policy.unread : null;
	const base = { phase, address, port, protocol, who, request, name: null, bound: true, asHello: null, unread };
	if (phase === "dns") {
		const name = connection.name === null ? null : readQuestionName(connection.name);
		return name === null && unread === null ? [] : [{ ...base, name }];
	}
	if (phase === "tls" || phase === "http") {
		const name = connection.name === null || unread !== null ? null : readHostName(connection.name);
		const bound =
			policy.nameBinding !== "strict" || (name !== null && connection.learned.some((each) => plain(each) === name));
		return [{ ...base, name, bound }];
	}
	const decision = evaluate(policy, connection);
	if (decision.reason === "resolver") return [];
	const names = connection.learned.length === 0 ? [null] : connection.learned.map(plain);
	const looks: Facts[] = names.map((name) => ({ ...base, name }));
	const denied = decision.action === "deny" || decision.helloRequired;
	const asHello = (rule: Rule) => isOpenForName(policy, rule);
	if (denied && policy.rules.some(asHello) && (protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp))
		looks.push({ ...base, asHello });
	return looks;
}

function look(policy: Policy, facts: Facts): Look {
	const rules: RuleStep[] = [];
	for (const rule of policy.rules) {
		const step = stepOf(rule, facts);
		rules.push(step);
		if (step.outcome === "decides") break;
	}
	return {
		name: facts.name,
		as: facts.asHello !== null ? "hello" : "asked",
		rules,
		notReached: policy.rules.length - rules.length,
	};
}

function stepOf(rule: Rule, facts: Facts): RuleStep {
	const { name, action } = rule;
	const overlay = overlayOf(rule, facts.who.cgroup);
	const head = { group: overlay === null ? rule.group : overlayGroup(overlay), rule: name, overlay, action };
	if (!phasesOf(rule).includes(facts.phase)) {
		return { ...head, outcome: "other_phase", why: whyNotHere(rule, facts.phase), conditions: [] };
	}
	const conditions = conditionsOf(rule, facts);
	const failed = conditions.filter(({ holds }) => !holds);
	if (failed.length > 0) {
		return { ...head, outcome: "no_match", why: failed.map(({ why }) => why).join("; "), conditions };
	}
	const why = conditions.length === 0 ? "it has no conditions" : conditions.map((each) => each.why).join("; ");
	return { ...head, outcome: action === "alert" ? "alerts" : "decides", why, conditions };
}

function whyNotHere(rule: Rule, phase: Phase): string {
	if (rule.phases !== null && !rule.phases.includes(phase)) return `its phases are ${rule.phases.join(", ")}`;
	if (isRequestRule(rule)) return "its method, path or status apply to HTTP requests only";
	return rule.to.domain === null
		? "it has no domain, and a DNS question is judged by its name"
		: "its cidr, ports or protocol apply to a later connection, not to the DNS question";
}

/* As decideConnect(): the first name that is allowed, else the first name. The pass for a hello is the last one. */
function decisiveOf(looks: readonly Look[], decision: Decision): number | null {
	if (looks.length === 0) return null;
	if (decision.helloRequired) return looks.length - 1;
	if (decision.name === null) return 0;
	const found = looks.findIndex((each) => each.as === "asked" && each.name === decision.name && endsAs(each, decision));
	return found < 0 ? 0 : found;
}

function endsAs({ rules }: Look, { rule }: Decision): boolean {
	const last = rules.at(-1);
	if (last?.outcome !== "decides") return rule === null;
	const isSame = last.overlay === null ? last.group === rule?.group : rule?.leases !== null;
	return rule !== null && isSame && last.rule === rule.name;
}

function plain(name: string): string {
	return name.replace(/\.$/, "").toLowerCase();
}
