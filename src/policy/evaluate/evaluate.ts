/** The reference evaluator: docs/deciding.md, paragraph by paragraph. Written for clarity, not for speed. */
import { DNS_PORT, PROTOCOL } from "../../native/layout.ts";
import type { ReasonName, VerdictName } from "../../native/vocabulary.ts";
import { formatAddress, parseAddress } from "../cidr.ts";
import { covers, isUnreadName, readHostName, readQuestionName } from "../host-names.ts";
import type { Phase, Policy, Rule, Verdict, Who } from "../model.ts";
import { type HttpRequest, matchesPath, matchesRequest, matchesStatus } from "./http-request.ts";
import { matchesFrom, matchesTo } from "./match.ts";

export interface Connection {
	readonly phase: Phase;
	/** Text of an IPv4 or IPv6 address. */
	readonly address: string;
	/** 0 if the protocol has no ports. */
	readonly port: number;
	/** IANA protocol number. */
	readonly protocol: number;
	readonly who: Who;
	/** Unexpired names that DNS answered with the address, the longest-lived first. */
	readonly learned: readonly string[];
	/** Other names that DNS answered with the address: they do not count, but give a denial its reason. */
	readonly lapsed?: readonly Lapsed[];
	/**
	 * Phase dns: the name of the question, or null if it is unreadable. Phase tls: the SNI as sent; phase http: the
	 * name in Host or in the target. Null: there is none.
	 */
	readonly name: string | null;
	/** The address is a trusted resolver. */
	readonly trustedResolver: boolean;
	/** Phase connect, UDP port 53 of a trusted resolver: the datagram is a DNS message. */
	readonly dnsMessage: boolean;
	/** Phase http. */
	readonly request?: HttpRequest;
	/** Phases dns, tls and http: what was sent cannot be read, and may be for any name, method and path. */
	readonly unread?: boolean;
}

export interface Lapsed {
	readonly name: string;
	readonly why: "name_expired" | "name_capped";
}

/** The reasons of enum sp_reason (bpf/wire/event.h) that a policy can give. */
export type Reason = Extract<
	ReasonName,
	| "rule"
	| "default"
	| "resolver"
	| "name_unbound"
	| "name_expired"
	| "name_capped"
	| "name_missing"
	| "name_bad"
	| "unreadable"
	| "unread"
>;

export interface Decision {
	/** The action of the policy. */
	readonly action: Verdict;
	/** The effect of the action: mode `observe` does not enforce a denial. */
	readonly verdict: VerdictName;
	/** The rule that decided, or null. */
	readonly rule: Rule | null;
	readonly reason: Reason;
	/** The first alert rule that matched before the decision, or null. */
	readonly alert: Rule | null;
	/** The name by which the phase was decided, else the name that was seen, else null. */
	readonly name: string | null;
	/** Phase connect: the connection is allowed, and must begin with a ClientHello or request that shows its name. */
	readonly helloRequired: boolean;
}

/** Decides one phase of a connection. Throws RangeError if the address is invalid. */
export function evaluate(policy: Policy, connection: Connection): Decision {
	const address = parseAddress(connection.address);
	if (address === null) throw new RangeError(`"${connection.address}" is not an IP address`);
	// An IPv4-mapped IPv6 address is compared as IPv4.
	const plain = { ...connection, address: formatAddress(address) };
	const found = DECIDE[connection.phase](policy, plain);
	const verdict = found.action === "allow" ? "allow" : policy.mode === "observe" ? "would_deny" : "deny";
	return { ...found, verdict };
}

type Outcome = Omit<Decision, "verdict">;

const DECIDE = {
	dns: decideDns,
	connect: decideConnect,
	tls: decideByName,
	http: decideByName,
};

/** Phase dns knows only the name and the client. */
function decideDns(policy: Policy, connection: Connection): Outcome {
	const { name } = connection;
	if (connection.unread) return decideUnread(policy, connection);
	if (name === null) return byDefault(policy, "dns", null, "unreadable", null);
	const question = readQuestionName(name);
	if (question === null) return byDefault(policy, "dns", null, "default", null);
	const search = firstMatch(
		policy,
		"dns",
		(rule) => rule.to.domain !== null && covers(rule.to.domain, question) && matchesFrom(rule, connection.who),
	);
	return outcome(policy, "dns", search, "default", question);
}

function decideConnect(policy: Policy, connection: Connection): Outcome {
	const { port, protocol, trustedResolver, dnsMessage, learned } = connection;
	let otherwise: Reason = "default";
	if (trustedResolver && port === DNS_PORT && (protocol === PROTOCOL.udp || protocol === PROTOCOL.tcp)) {
		if (protocol === PROTOCOL.tcp || dnsMessage) return { ...NOTHING, action: "allow", reason: "resolver" };
		otherwise = "unreadable";
	}
	// Without a learned name only rules without a domain match.
	const names = learned.length === 0 ? [null] : learned.map(plainName);
	const tryName = (name: string | null) => {
		const search = firstMatch(policy, "connect", (rule) => {
			const named = rule.to.domain === null || (name !== null && covers(rule.to.domain, name));
			return named && matchesEnds(rule, connection);
		});
		return outcome(policy, "connect", search, otherwise, name);
	};
	const tries = names.map(tryName);
	// One allowed name is enough; otherwise the decision for the first name counts.
	const decided = tries.find((each) => each.action === "allow") ?? tries[0]!;
	if (decided.action === "allow") return decided;
	const open = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp ? openForHello(policy, connection) : null;
	if (open !== null || decided.rule !== null) return open ?? decided;
	const lapsed = connection.lapsed?.find(({ name }) => tryName(plainName(name)).action === "allow");
	return lapsed === undefined ? decided : { ...decided, reason: lapsed.why, name: plainName(lapsed.name) };
}

/** Names that are still to be shown: those of rules that also have a `cidr`, and with `name_binding: sni` all. */
export function isOpenForName(policy: Policy, { action, to }: Rule): boolean {
	return action === "allow" && to.domain !== null && (policy.nameBinding === "sni" || to.cidr !== null);
}

/** Allow rules match whatever the name, since the ClientHello or request is still to come. */
function openForHello(policy: Policy, connection: Connection): Outcome | null {
	const search = firstMatch(
		policy,
		"connect",
		(rule) => (rule.to.domain === null || isOpenForName(policy, rule)) && matchesEnds(rule, connection),
	);
	if (search.rule === null || search.rule.to.domain === null) return null;
	return { ...outcome(policy, "connect", search, "default", null), helloRequired: true };
}

/**
 * Phases tls and http decide by the name that the client sends. DNS must have resolved it to the address, or the rule
 * must have both.
 */
function decideByName(policy: Policy, connection: Connection): Outcome {
	const { phase } = connection;
	if (isUnread(connection)) {
		const decision = decideUnread(policy, connection);
		return connection.unread || decision.rule !== null || decision.reason !== "unread"
			? decision
			: { ...decision, reason: "name_bad" };
	}
	const request = connection.request ?? null;
	const name = connection.name === null ? null : readHostName(connection.name);
	const bound = name !== null && connection.learned.some((learned) => plainName(learned) === name);
	const search = (needsBinding: boolean) =>
		firstMatch(policy, phase, (rule) => {
			if (!matchesEnds(rule, connection)) return false;
			if (phase === "http" && !(matchesRequest(rule, request) && matchesPath(rule, request))) return false;
			if (rule.to.domain === null) return true;
			if (name === null || !covers(rule.to.domain, name)) return false;
			return rule.action !== "allow" || bound || !needsBinding || rule.to.cidr !== null;
		});
	const strict = search(policy.nameBinding === "strict");
	const otherwise: Reason =
		name === null
			? connection.name === null
				? "name_missing"
				: "name_bad"
			: search(false).rule?.action === "allow"
				? (connection.lapsed?.find((each) => plainName(each.name) === name)?.why ?? "name_unbound")
				: "default";
	return outcome(policy, phase, strict, otherwise, name);
}

/** Whether what was sent in phase dns, tls or http may be for several names. */
export function isUnread({ phase, name, unread }: Connection): boolean {
	if (phase === "connect") return false;
	return unread === true || (phase !== "dns" && name !== null && isUnreadName(name));
}

/**
 * The one rule for what cannot be read: deny and alert rules about a name, method or path match, unless
 * `defaults.unread` is allow; allow rules about them do not.
 */
function decideUnread(policy: Policy, connection: Connection): Outcome {
	const { phase, who } = connection;
	const depends = ({ to }: Rule) => to.domain !== null || to.method !== null || to.path !== null;
	const search = firstMatch(policy, phase, (rule) => {
		if (phase === "dns" ? !matchesFrom(rule, who) : !matchesEnds(rule, connection)) return false;
		if (phase === "http" && !matchesStatus(rule, connection.request ?? null)) return false;
		return !depends(rule) || (rule.action !== "allow" && policy.unread === "deny");
	});
	const found = outcome(policy, phase, search, "unread", null);
	return found.action === "deny" && found.rule !== null && depends(found.rule) ? { ...found, reason: "unread" } : found;
}

/** Whether the conditions on destination and client match. */
function matchesEnds(rule: Rule, connection: Connection): boolean {
	return matchesTo(rule, connection.address, connection.protocol, connection.port) && matchesFrom(rule, connection.who);
}

interface Search {
	/** The first allow or deny rule that matches. */
	readonly rule: Rule | null;
	/** The first alert rule that matches before it. */
	readonly alert: Rule | null;
}

function firstMatch(policy: Policy, phase: Phase, matches: (rule: Rule) => boolean): Search {
	let alert: Rule | null = null;
	for (const rule of policy.rules) {
		if (!takesPart(rule, phase) || !matches(rule)) continue;
		if (rule.action !== "alert") return { rule, alert };
		alert ??= rule;
	}
	return { rule: null, alert };
}

/**
 * The table of phases. Independent of phases.ts, which the compiler uses, so that tests compare two implementations.
 */
function takesPart({ action, phases, to }: Rule, phase: Phase): boolean {
	if (phases !== null && !phases.includes(phase)) return false;
	if ((to.method !== null || to.path !== null || to.status !== null) && phase !== "http") return false;
	if (phase !== "dns") return true;
	if (to.domain === null) return false;
	const appliesLater = to.cidr !== null || to.ports !== null || to.protocol !== null;
	return action === "allow" || !appliesLater;
}

/** @param otherwise the reason if the default action denies */
function outcome(policy: Policy, phase: Phase, search: Search, otherwise: Reason, name: string | null): Outcome {
	const { rule, alert } = search;
	if (rule === null) return byDefault(policy, phase, alert, otherwise, name);
	return { ...NOTHING, action: rule.action === "allow" ? "allow" : "deny", rule, reason: "rule", alert, name };
}

function byDefault(policy: Policy, phase: Phase, alert: Rule | null, otherwise: Reason, name: string | null): Outcome {
	const action = policy.defaults[phase];
	return { ...NOTHING, action, reason: action === "deny" ? otherwise : "default", alert, name };
}

const NOTHING = { rule: null, alert: null, name: null, helloRequired: false };

/** Names are compared in lower case, without a trailing dot. */
function plainName(name: string): string {
	return name.replace(/\.$/, "").toLowerCase();
}
