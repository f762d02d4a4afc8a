/** The reference evaluator: docs/deciding.md, paragraph by paragraph. Written for clarity, not for speed. */
import { DNS_PORT, PROTOCOL } from "../../native/layout.ts";
import type { ReasonName, VerdictName } from "../../native/vocabulary.ts";
import { formatAddress, parseAddress } from "../cidr.ts";
import { covers, readHostName, readQuestionName, readRequestName } from "../host-names.ts";
import type { Phase, Policy, Rule, Verdict, Who } from "../model.ts";
import { type HttpRequest, matchesPath, matchesRequest } from "./http-request.ts";
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
}

/** The reasons of enum sp_reason (bpf/wire/event.h) that a policy can give. */
export type Reason = Extract<
	ReasonName,
	"rule" | "default" | "resolver" | "name_unbound" | "name_missing" | "name_bad" | "unreadable"
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
	/** Phase connect with `name_binding: sni`: the connection is allowed, and must send a ClientHello. */
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
	tls: (policy: Policy, connection: Connection) => decideByName(policy, connection, readHostName),
	http: (policy: Policy, connection: Connection) => decideByName(policy, connection, readRequestName),
};

/** Phase dns knows only the name and the client. */
function decideDns(policy: Policy, connection: Connection): Outcome {
	const { name } = connection;
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
	const tries = names.map((name) => {
		const search = firstMatch(policy, "connect", (rule) => {
			const named = rule.to.domain === null || (name !== null && covers(rule.to.domain, name));
			return named && matchesEnds(rule, connection);
		});
		return outcome(policy, "connect", search, otherwise, name);
	});
	// One allowed name is enough; otherwise the decision for the first name counts.
	const decided = tries.find((each) => each.action === "allow") ?? tries[0]!;
	if (
		decided.action === "allow" ||
		policy.nameBinding !== "sni" ||
		(protocol !== PROTOCOL.tcp && protocol !== PROTOCOL.udp)
	)
		return decided;
	return openForHello(policy, connection) ?? decided;
}

/** `name_binding: sni`: allow rules with a domain match whatever the name, since the ClientHello is still to come. */
function openForHello(policy: Policy, connection: Connection): Outcome | null {
	const search = firstMatch(
		policy,
		"connect",
		(rule) => (rule.to.domain === null || rule.action === "allow") && matchesEnds(rule, connection),
	);
	if (search.rule === null || search.rule.to.domain === null) return null;
	return { ...outcome(policy, "connect", search, "default", null), helloRequired: true };
}

/** Phases tls and http decide by the name that the client sends, which DNS must have resolved to the address. */
function decideByName(policy: Policy, connection: Connection, read: (sent: string) => string | null): Outcome {
	const { phase } = connection;
	const request = connection.request ?? null;
	const name = connection.name === null ? null : read(connection.name);
	const bound = name !== null && connection.learned.some((learned) => plainName(learned) === name);
	const search = (needsBinding: boolean) =>
		firstMatch(policy, phase, (rule) => {
			if (!matchesEnds(rule, connection)) return false;
			if (phase === "http" && !(matchesRequest(rule, request) && matchesPath(rule, request))) return false;
			if (rule.to.domain === null) return true;
			if (name === null || !covers(rule.to.domain, name)) return false;
			return rule.action !== "allow" || bound || !needsBinding;
		});
	const strict = search(policy.nameBinding === "strict");
	const otherwise: Reason =
		name === null
			? connection.name === null
				? "name_missing"
				: "name_bad"
			: search(false).rule?.action === "allow"
				? "name_unbound"
				: "default";
	return outcome(policy, phase, strict, otherwise, name);
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
