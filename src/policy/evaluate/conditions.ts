/** The conditions of a rule against one connection, each with what it wants, what there is, and whether it holds. */

import { cgroupsOf, containerOf, unitsOf } from "../cgroup-path.ts";
import { covers, patternCovers } from "../host-names.ts";
import type { Phase, PortRange, Rule, Who } from "../model.ts";
import { protocolName, TCP, UDP } from "../numbers.ts";
import { type Asked, holdsAsked, holdsPath, readPath } from "./http-request.ts";
import { contains, holdsFrom } from "./match.ts";

export interface Facts {
	readonly phase: Phase;
	readonly address: string;
	readonly port: number;
	readonly protocol: number;
	readonly who: Who;
	/** The name for which rules are tried; null: none. */
	readonly name: string | null;
	/** Phase http; null: not known. */
	readonly asked: Asked | null;
	/** Phases tls and http: the address was learned for the name, or that is not asked for. */
	readonly bound: boolean;
	/** name_binding sni: allow rules with a domain are tried as if the name were known. */
	readonly asHello: boolean;
}

export interface Condition {
	/** As the policy writes it: "to.cidr", "from.unit". */
	readonly condition: string;
	readonly holds: boolean;
	/** A part of one sentence. */
	readonly why: string;
}

/** Those that the rule has. The question's phase looks at the name and at who alone. */
export function conditionsOf(rule: Rule, facts: Facts): Condition[] {
	const found = facts.phase === "dns" ? [domain(rule, facts)] : [domain(rule, facts), ...place(rule, facts)];
	if (facts.phase === "http") found.push(...request(rule, facts.asked));
	return [...found, ...who(rule, facts.who)].filter((each) => each !== null);
}

type Maybe = Condition | null;

function domain({ action, to }: Rule, { name, bound, asHello }: Facts): Maybe {
	if (to.domain === null) return null;
	const wanted = wantedNames(to.domain);
	if (asHello) {
		return action === "allow"
			? { condition: "to.domain", holds: true, why: "its name must be shown by a TLS hello (name_binding: sni)" }
			: { condition: "to.domain", holds: false, why: "the name is not known before the hello" };
	}
	if (name === null) return { condition: "to.domain", holds: false, why: `no name is known; it wants ${wanted}` };
	if (!covers(to.domain, name))
		return { condition: "to.domain", holds: false, why: `${name} is not covered by ${wanted}` };
	if (action === "allow" && !bound) {
		return { condition: "to.domain", holds: false, why: `${name} is covered, but DNS did not give the address for it` };
	}
	return { condition: "to.domain", holds: true, why: `${name} is covered by ${coveringOf(to.domain, name)}` };
}

function place({ to }: Rule, { address, protocol, port }: Facts): Maybe[] {
	const spoken = protocolName(protocol);
	const hasPorts = protocol === TCP || protocol === UDP;
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
				`the protocol is ${spoken}`,
				`${spoken} is not ${some(to.protocol.map(protocolName))}`,
			),
		to.ports &&
			(hasPorts
				? say(
						"to.ports",
						inRanges(to.ports, port),
						`port ${port} is one of its ports`,
						`port ${port} is not ${some(to.ports.map(rangeText))}`,
					)
				: say("to.ports", false, "", `${spoken} has no ports`)),
	];
}

function request(rule: Rule, asked: Asked | null): Maybe[] {
	const { method, path, status } = rule.to;
	const unclear = asked !== null && readPath(asked.path).unclear;
	const shown = unclear ? "a path that servers may read differently" : (asked?.path ?? "an unknown path");
	return [
		method &&
			say(
				"to.method",
				holdsAsked({ ...rule, to: { ...rule.to, status: null } }, asked),
				`the method is ${asked?.method ?? ""}`,
				`the method ${asked?.method ?? "is not known, and"} is not ${some(method)}`,
			),
		path &&
			say(
				"to.path",
				holdsPath(rule, asked),
				`${shown} is covered by ${some(path)}`,
				`${shown} is not covered by ${some(path)}`,
			),
		status &&
			say(
				"to.status",
				holdsAsked({ ...rule, to: { ...rule.to, method: null } }, asked),
				`the status is ${asked?.status ?? ""}`,
				asked?.status == null
					? "no answer is known yet"
					: `the status ${asked.status} is not ${some(status.map(rangeText))}`,
			),
	];
}

function who(rule: Rule, { exe, uid, cgroup }: Who): Maybe[] {
	const { from } = rule;
	const container = cgroup === null ? null : containerOf(cgroup);
	const only = (key: keyof Rule["from"], has: string, wanted: readonly string[]): Maybe => {
		if (from[key] === null) return null;
		/* The evaluator's own test, of this condition alone. */
		const holds = holdsFrom({ ...rule, from: { ...NOBODY, [key]: from[key] } }, { exe, uid, cgroup });
		return say(`from.${key}`, holds, `${has} is ${some(wanted)}`, `${has} is not ${some(wanted)}`);
	};
	return [
		only(
			"exe",
			exe === null ? "the program is not known, and" : `the program ${exe.path}`,
			from.exe?.map(({ written }) => written) ?? [],
		),
		only("user", uid < 0 ? "the user is not known, and" : `uid ${uid}`, from.user?.map(String) ?? []),
		only("unit", `the unit ${named(cgroup === null ? [] : unitsOf(cgroup))}`, from.unit ?? []),
		only("container", `the container ${named(container === null ? [] : [container])}`, from.container ?? []),
		only("cgroup", `the cgroup ${named(cgroup === null ? [] : cgroupsOf(cgroup).slice(-1))}`, from.cgroup ?? []),
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

/* A list may hold a million: look at no more than is shown. */
function wantedNames(lists: readonly (readonly string[])[]): string {
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
