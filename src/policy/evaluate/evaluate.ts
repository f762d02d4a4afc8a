/** The decision in plain words: docs/deciding.md, paragraph by paragraph. Nothing here is made for speed. */
import { formatAddress, parseAddress } from "../cidr.ts";
import { covers, readHostName, readQuestionName, readRequestName } from "../host-names.ts";
import type { Phase, Policy, Rule, Verdict, Who } from "../model.ts";
import { TCP, UDP } from "../numbers.ts";
import { type Asked, holdsAsked, holdsPath } from "./http-request.ts";
import { holdsFrom, holdsTo } from "./match.ts";

export interface Connection {
	readonly phase: Phase;
	/** Text of an IPv4 or IPv6 address. */
	readonly address: string;
	/** 0 if the protocol has no ports. */
	readonly port: number;
	/** IP protocol number. */
	readonly protocol: number;
	readonly who: Who;
	/** Names that DNS gave the address for and that have not expired, the one that stays longest first. */
	readonly learned: readonly string[];
	/** Phase dns: the question's name, null if it cannot be read. Phase tls: the SNI as sent; http: the name of Host or of the target; null if there is none. */
	readonly name: string | null;
	/** The address is a trusted resolver. */
	readonly trustedResolver: boolean;
	/** Phase connect, UDP port 53 of a trusted resolver: what is sent is a DNS message. */
	readonly dnsMessage: boolean;
	/** Phase http. */
	readonly asked?: Asked;
}

/** As enum sp_reason in bpf/event.h, without those that no policy decides. */
export type Reason = "rule" | "default" | "resolver" | "name_unbound" | "name_missing" | "name_bad" | "unreadable";

export interface Decision {
	/** What the policy says. */
	readonly action: Verdict;
	/** What comes of it: the mode `observe` lets a denial through. */
	readonly verdict: "allow" | "deny" | "would_deny";
	/** The rule that decided, or null. */
	readonly rule: Rule | null;
	readonly reason: Reason;
	/** The first alert rule that matched before the decision, or null. */
	readonly alert: Rule | null;
	/** The name that decided or was seen, or null. */
	readonly name: string | null;
	/** Phase connect under `name_binding: sni`: the connection may open, and must then show a hello. */
	readonly helloRequired: boolean;
}

/** Decide one phase of one connection. Throws RangeError if the address is none. */
export function evaluate(policy: Policy, connection: Connection): Decision {
	const address = parseAddress(connection.address);
	if (address === null) throw new RangeError(`"${connection.address}" is no IP address`);
	// IPv4-mapped IPv6 addresses are IPv4.
	const plain = { ...connection, address: formatAddress(address) };
	const found = DECIDE[connection.phase](policy, plain);
	const verdict = found.action === "allow" ? "allow" : policy.mode === "observe" ? "would_deny" : "deny";
	return { ...found, verdict };
}

type Outcome = Omit<Decision, "verdict">;

const DECIDE = {
	dns: decideDns,
	connect: decideConnect,
	tls: (policy: Policy, connection: Connection) => decideShown(policy, connection, readHostName),
	http: (policy: Policy, connection: Connection) => decideShown(policy, connection, readRequestName),
};

/** "What is known: name, who." */
function decideDns(policy: Policy, connection: Connection): Outcome {
	const { name } = connection;
	if (name === null) return byDefault(policy, "dns", null, "unreadable", null);
	const asked = readQuestionName(name);
	if (asked === null) return byDefault(policy, "dns", null, "default", null);
	const search = firstMatch(
		policy,
		"dns",
		(rule) => rule.to.domain !== null && covers(rule.to.domain, asked) && holdsFrom(rule, connection.who),
	);
	return outcome(policy, "dns", search, "default", asked);
}

function decideConnect(policy: Policy, connection: Connection): Outcome {
	const { port, protocol, trustedResolver, dnsMessage, learned } = connection;
	let otherwise: Reason = "default";
	if (trustedResolver && port === 53 && (protocol === UDP || protocol === TCP)) {
		if (protocol === TCP || dnsMessage) return { ...NOTHING, action: "allow", reason: "resolver" };
		otherwise = "unreadable";
	}
	// Without a learned name only rules without a domain match.
	const names = learned.length === 0 ? [null] : learned.map(plainName);
	const tries = names.map((name) => {
		const search = firstMatch(policy, "connect", (rule) => {
			const named = rule.to.domain === null || (name !== null && covers(rule.to.domain, name));
			return named && holdsHere(rule, connection);
		});
		return outcome(policy, "connect", search, otherwise, name);
	});
	// If one name leads to allow, that is it; else the decision of the first name stands.
	const decided = tries.find((one) => one.action === "allow") ?? tries[0]!;
	if (decided.action === "allow" || policy.nameBinding !== "sni" || (protocol !== TCP && protocol !== UDP))
		return decided;
	return openForHello(policy, connection) ?? decided;
}

/** `name_binding: sni`: allow rules with a domain are tried as if the name were known and matched each. */
function openForHello(policy: Policy, connection: Connection): Outcome | null {
	const search = firstMatch(
		policy,
		"connect",
		(rule) => (rule.to.domain === null || rule.action === "allow") && holdsHere(rule, connection),
	);
	if (search.rule === null || search.rule.to.domain === null) return null;
	return { ...outcome(policy, "connect", search, "default", null), helloRequired: true };
}

/** Phases tls and http: by the name that the client shows, which must be the address's. */
function decideShown(policy: Policy, connection: Connection, read: (sent: string) => string | null): Outcome {
	const { phase } = connection;
	const asked = connection.asked ?? null;
	const name = connection.name === null ? null : read(connection.name);
	const bound = name !== null && connection.learned.some((learned) => plainName(learned) === name);
	const search = (needsBinding: boolean) =>
		firstMatch(policy, phase, (rule) => {
			if (!holdsHere(rule, connection)) return false;
			if (phase === "http" && !(holdsAsked(rule, asked) && holdsPath(rule, asked))) return false;
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

/** Address, port, protocol and who. */
function holdsHere(rule: Rule, connection: Connection): boolean {
	return holdsTo(rule, connection.address, connection.protocol, connection.port) && holdsFrom(rule, connection.who);
}

interface Search {
	/** The first allow or deny that matches. */
	readonly rule: Rule | null;
	/** The first alert that matches before it. */
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

/** The table of phases. Written apart from phases.ts, which the compiler uses. */
function takesPart({ action, phases, to }: Rule, phase: Phase): boolean {
	if (phases !== null && !phases.includes(phase)) return false;
	if ((to.method !== null || to.path !== null || to.status !== null) && phase !== "http") return false;
	if (phase !== "dns") return true;
	if (to.domain === null) return false;
	const speaksOfLater = to.cidr !== null || to.ports !== null || to.protocol !== null;
	return action === "allow" || !speaksOfLater;
}

/** `otherwise`: the reason if the default denies. */
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

/** Names compare in lower case and without a trailing dot. */
function plainName(name: string): string {
	return name.replace(/\.$/, "").toLowerCase();
}
