/** Each condition of a rule compared with a connection, with the reason in words. */
import { PROTOCOL } from "../../native/layout.ts";
import { cgroupsOf, containerOf, unitsOf } from "../cgroup-path.ts";
import { covers, patternCovers } from "../host-names.ts";
import type { Phase, PortRange, Rule, StatusRange, Verdict, Who } from "../model.ts";
import { protocolName } from "../numbers.ts";
import { type HttpRequest, matchesPath, matchesRequest, matchesStatus, readPath } from "./http-request.ts";
import { contains, matchesFrom } from "./match.ts";

export interface Facts {
	readonly phase: Phase;
	readonly address: string;
	readonly port: number;
	readonly protocol: number;
	readonly who: Who;
	/** The name that the rules are tried with, or null. */
	readonly name: string | null;
	/** Phase http; null: unknown. */
	readonly request: HttpRequest | null;
	/** Phases tls and http: the address was learned for the name, or need not be. */
	readonly bound: boolean;
	/** The rules that match whatever the name, because the connection has yet to show it. */
	readonly asHello: ((rule: Rule) => boolean) | null;
	/**
	 * What was sent may be for any name, method and path: whether deny and alert rules about these match (`deny`) or not
	 * (`allow`, as `defaults.unread`). Null: it was read, or nothing was sent.
	 */
	readonly unread: Verdict | null;
}

export interface Condition {
	/** Path in a rule: "to.cidr", "from.unit". */
	readonly condition: string;
	readonly holds: boolean;
	/** A clause of a sentence. */
	readonly why: string;
}

/** The conditions that the rule has. Phase dns knows only the name and the client. */
export function conditionsOf(rule: Rule, facts: Facts): Condition[] {
	const found = facts.phase === "dns" ? [domain(rule, facts)] : [domain(rule, facts), ...destination(rule, facts)];
	if (facts.phase === "http") found.push(...request(rule, facts));
	return [...found, ...client(rule, facts.who)].filter((each) => each !== null);
}

type Maybe = Condition | null;

function unreadable({ action }: Rule, unread: Verdict, condition: string): Condition {
	if (action === "allow") return { condition, holds: false, why: "what was sent cannot be read, and the rule allows" };
	return unread === "deny"
		? { condition, holds: true, why: "what was sent cannot be read, and the rule does not allow" }
		: { condition, holds: false, why: "what was sent cannot be read (defaults.unread: allow)" };
}

function domain(rule: Rule, { name, bound, asHello, unread }: Facts): Maybe {
	const { action, to } = rule;
	if (to.domain === null) return null;
	if (unread !== null) return unreadable(rule, unread, "to.domain");
	const expected = expectedNames(to.domain);
	if (asHello !== null) {
		return asHello(rule)
			? { condition: "to.domain", holds: true, why: "the ClientHello or request must have its name" }
			: { condition: "to.domain", holds: false, why: "the name is unknown until the ClientHello or request" };
	}
	if (name === null)
		return { condition: "to.domain", holds: false, why: `no name is known; the rule is for ${expected}` };
	if (!covers(to.domain, name))
		return { condition: "to.domain", holds: false, why: `${name} is not covered by ${expected}` };
	if (action === "allow" && !bound && to.cidr === null) {
		return {
			condition: "to.domain",
			holds: false,
			why: `${name} is covered, but DNS did not answer it with this address`,
		};
	}
	return { condition: "to.domain", holds: true, why: `${name} is covered by ${coveringOf(to.domain, name)}` };
}

function destination({ to }: Rule, { address, protocol, port }: Facts): Maybe[] {
	const actual = protocolName(protocol);
	const hasPorts = protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp;
	return [
		to.cidr &&
			say(
				"to.cidr",
				to.cidr.some((set) => contains(set, address)),
				`${address} is in its prefixes`,
				`${address} is not in its prefixes`,
			),
		to.protocol &&
			say(
				"to.protocol",
				to.protocol.includes(protocol),
				`the protocol is ${actual}`,
				`${actual} is not ${some(to.protocol.map(protocolName))}`,
			),
		to.ports &&
			(hasPorts
				? say(
						"to.ports",
						inRanges(to.ports, port),
						`port ${port} is one of its ports`,
						`port ${port} is not ${some(to.ports.map(rangeText))}`,
					)
				: say("to.ports", false, "", `${actual} has no ports`)),
	];
}

function request(rule: Rule, { request: http, unread }: Facts): Maybe[] {
	const { method, path, status } = rule.to;
	if (unread !== null) {
		return [
			method && unreadable(rule, unread, "to.method"),
			path && unreadable(rule, unread, "to.path"),
			status && statusCondition(rule, http, status),
		];
	}
	const unclear = http !== null && readPath(http.path).unclear;
	const shown = unclear ? "a path that servers may interpret differently" : (http?.path ?? "an unknown path");
	return [
		method &&
			say(
				"to.method",
				matchesRequest({ ...rule, to: { ...rule.to, status: null } }, http),
				`the method is ${http?.method ?? ""}`,
				`the method ${http?.method ?? "is unknown, and"} is not ${some(method)}`,
			),
		path &&
			say(
				"to.path",
				matchesPath(rule, http),
				`${shown} is covered by ${some(path)}`,
				`${shown} is not covered by ${some(path)}`,
			),
		status && statusCondition(rule, http, status),
	];
}

function statusCondition(rule: Rule, http: HttpRequest | null, status: readonly StatusRange[]): Condition {
	return say(
		"to.status",
		matchesStatus(rule, http),
		`the status is ${http?.status ?? ""}`,
		http?.status == null
			? "the response is not known yet"
			: `the status ${http.status} is not ${some(status.map(rangeText))}`,
	);
}

function client(rule: Rule, { exe, uid, cgroup }: Who): Maybe[] {
	const { from } = rule;
	const container = cgroup === null ? null : containerOf(cgroup);
	const cgroupFact = (what: string, values: readonly string[]) =>
		`the ${what} ${cgroup === null ? "is unknown" : named(values)}`;
	const compared = (key: keyof Rule["from"], actual: string, expected: readonly string[]): Maybe => {
		if (from[key] === null) return null;
		/* The evaluator's own test, for this condition only. */
		const holds = matchesFrom({ ...rule, from: { ...NOBODY, [key]: from[key] } }, { exe, uid, cgroup });
		const unknown = key === "exe" ? exe === null : cgroup === null && key !== "user";
		if (unknown)
			return say(`from.${key}`, holds, `${actual}, and the rule does not allow`, `${actual}, and the rule allows`);
		return say(`from.${key}`, holds, `${actual} is ${some(expected)}`, `${actual} is not ${some(expected)}`);
	};
	return [
		compared(
			"exe",
			`the program ${exe === null ? "is unknown" : exe.path}`,
			from.exe?.map(({ written }) => written) ?? [],
		),
		compared("user", uid < 0 ? "the user is unknown, and" : `uid ${uid}`, from.user?.map(String) ?? []),
		compared("unit", cgroupFact("unit", unitsOf(cgroup ?? "")), from.unit ?? []),
		compared("container", cgroupFact("container", container === null ? [] : [container]), from.container ?? []),
		compared("cgroup", cgroupFact("cgroup", cgroupsOf(cgroup ?? "").slice(-1)), from.cgroup ?? []),
	];
}

const NOBODY = { exe: null, user: null, unit: null, container: null, cgroup: null };

function say(condition: string, holds: boolean, yes: string, no: string): Condition {
	return { condition, holds, why: holds ? yes : no };
}

function inRanges(ranges: readonly PortRange[], port: number): boolean {
	return ranges.some(({ low, high }) => low <= port && port <= high);
}

function rangeText({ low, high }: PortRange): string {
	return low === high ? String(low) : `${low}-${high}`;
}

function named(values: readonly string[]): string {
	return values.length === 0 ? "(none)" : values.join(" in ");
}

/* A list may have a million names: read only those that are shown. */
function expectedNames(lists: readonly (readonly string[])[]): string {
	const first = lists.flatMap((patterns) => patterns.slice(0, SHOWN)).slice(0, SHOWN);
	const total = lists.reduce((sum, patterns) => sum + patterns.length, 0);
	const shown = first.join(" or ");
	return total > first.length ? `${shown} or one of ${total - first.length} more` : shown;
}

function coveringOf(lists: readonly (readonly string[])[], name: string): string {
	for (const patterns of lists) {
		const found = patterns.find((pattern) => patternCovers(pattern, name));
		if (found !== undefined) return found;
	}
	return "";
}

function some(values: readonly string[]): string {
	const shown = values.slice(0, SHOWN).join(" or ");
	return values.length > SHOWN ? `${shown} or one of ${values.length - SHOWN} more` : shown;
}

const SHOWN = 5;
