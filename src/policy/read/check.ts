/** The semantic check of values that the structural check (schema.ts) has seen. */
import { RULES_MAX } from "../../native/layout.ts";
import { formatAddress, parseAddress } from "../cidr.ts";
import { parsePattern, patternShape } from "../domain.ts";
import { type Action, type Environment, PHASES, type Phase, type Policy, type Rule } from "../model.ts";
import { ERRNOS } from "../numbers.ts";
import { isRequestRule, phasesOf } from "../phases.ts";
import { checkFrom } from "./check-from.ts";
import { PathLimit } from "./check-request.ts";
import { checkTo, ShapeLimit } from "./check-to.ts";
import { Lists } from "./lists.ts";
import { isPreset, presetParts } from "./presets.ts";
import { didYouMean, nearest } from "./problem.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { itemsOf, listOf, recordOf } from "./values.ts";

/**
 * The policy, complete only if `report` is empty afterwards. Values of the wrong type are skipped, since the schema
 * reports them.
 */
export function checkPolicy(value: unknown, environment: Environment, report: Report): Policy {
	const root = recordOf(value);
	const lists = new Lists(root["lists"], environment, report);
	const defaults = recordOf(root["defaults"]);
	const ttl = recordOf(root["ttl"]);
	const rules = checkGroups(root["groups"], lists, environment, report);
	return {
		version: 1,
		mode: root["mode"] === "enforce" ? "enforce" : DEFAULTS.mode,
		nameBinding: root["name_binding"] === "sni" ? "sni" : DEFAULTS.nameBinding,
		defaults: {
			dns: defaults["dns"] === "deny" ? "deny" : "allow",
			connect: defaults["connect"] === "deny" ? "deny" : "allow",
			tls: defaults["tls"] === "deny" ? "deny" : "allow",
			http: defaults["http"] === "deny" ? "deny" : "allow",
		},
		unread: defaults["unread"] === "allow" ? "allow" : "deny",
		denyErrno: checkErrno(root["deny_errno"], report),
		resolvers: checkResolvers(root["resolvers"], report),
		search: checkSearch(root["search"], report),
		ttl: { floor: checkSeconds(ttl, "floor", report), grace: checkSeconds(ttl, "grace", report) },
		rules,
		lists: lists.facts(),
	};
}

/** Values of keys that the file leaves out. */
const DEFAULTS = {
	mode: "observe",
	nameBinding: "strict",
	denyErrno: "EACCES",
	/** [s] */
	ttl: { floor: 60, grace: 30 },
	priority: 100,
} as const;

type Numbered = Omit<Rule, "index">;

function checkGroups(value: unknown, lists: Lists, environment: Environment, report: Report): Rule[] {
	const groups: { priority: number; rules: Numbered[] }[] = [];
	const names = new Map<string, Path>();
	const shapes = new ShapeLimit();
	const paths = new PathLimit();
	let count = 0;
	for (const [g, groupValue] of listOf(value).entries()) {
		const group = recordOf(groupValue);
		const path: Path = ["groups", g];
		const name = String(group["name"] ?? "");
		unique(names, name, [...path, "name"], `duplicate group "${name}"`, report);
		const ruleNames = new Map<string, Path>();
		const rules: Numbered[] = [];
		for (const [r, ruleValue] of listOf(group["rules"]).entries()) {
			const rulePath = [...path, "rules", r];
			const written = recordOf(ruleValue);
			const ruleName = String(written["name"] ?? "");
			unique(ruleNames, ruleName, [...rulePath, "name"], `duplicate rule "${ruleName}" in group "${name}"`, report);
			for (const rule of checkRule(written, name, rulePath, lists, environment, report)) {
				shapes.add(rule.to.domain, [...rulePath, "to", "domain"], report);
				paths.add(rule.to.path, [...rulePath, "to", "path"], report);
				if (++count === RULES_MAX + 1) {
					report.at(
						rulePath,
						`more than ${RULES_MAX} rules; combine similar rules by lists`,
						`at most ${RULES_MAX} rules`,
					);
				}
				rules.push(rule);
			}
		}
		groups.push({ priority: typeof group["priority"] === "number" ? group["priority"] : DEFAULTS.priority, rules });
	}
	return groups
		.toSorted((a, b) => a.priority - b.priority)
		.flatMap((group) => group.rules)
		.toSorted((a, b) => Number(b.final) - Number(a.final))
		.map((rule, index) => ({ index, ...rule }));
}

function checkRule(
	value: Record<string, unknown>,
	group: string,
	path: Path,
	lists: Lists,
	environment: Environment,
	report: Report,
): Numbered[] {
	const phases = itemsOf(value["phases"], [...path, "phases"])
		?.map((item) => item.value)
		.filter((phase): phase is Phase => PHASES.includes(phase as Phase));
	const action = (value["action"] ?? "allow") as Action;
	const to = recordOf(value["to"]);
	const preset = isPreset(to["preset"]) ? to["preset"] : null;
	const final = value["final"] === true;
	if (final && action !== "deny")
		report.at([...path, "final"], `only a deny rule can be final, and "${String(value["name"])}" is not one`, "deny");
	const base = {
		group,
		name: String(value["name"] ?? ""),
		action,
		final,
		leases: null,
		phases: phases === undefined ? null : [...new Set(phases)],
		preset,
		from: checkFrom(value["from"], [...path, "from"], environment, report),
	};
	if (preset !== null) {
		const others = Object.keys(to).filter((key) => key !== "preset");
		for (const key of others) {
			const message = `"preset" cannot be combined with "${key}", because it replaces all of "to"`;
			report.at([...path, "to", key], message, "only preset", undefined, "key");
		}
		const parts = presetParts(preset, action).map((part) => ({
			...base,
			to: checkTo(part, [...path, "to"], lists, report),
		}));
		return parts.flatMap((part) => narrowed(part));
	}
	const rule: Numbered = { ...base, to: checkTo(value["to"], [...path, "to"], lists, report) };
	for (const phase of rule.phases ?? []) {
		if (phasesOf({ ...rule, phases: null }).includes(phase)) continue;
		report.at(
			[...path, "phases"],
			`the rule "${rule.name}" cannot take part in phase ${phase}: ${whyNot(rule)}`,
			phasesOf({ ...rule, phases: null }).join(" or "),
		);
	}
	return [rule];
}

/** A part of a preset, limited to the phases that it can take part in; [] if there is none. */
function narrowed(part: Numbered): Numbered[] {
	if (part.phases === null) return [part];
	const possible = phasesOf({ ...part, phases: null });
	const phases = part.phases.filter((phase) => possible.includes(phase));
	return phases.length === 0 ? [] : [{ ...part, phases }];
}

function whyNot(rule: Numbered): string {
	if (isRequestRule(rule)) return '"method", "path" and "status" apply to HTTP requests only';
	if (rule.to.domain === null) return 'it has no "domain"';
	const kind = rule.action === "deny" ? "a deny" : "an alert";
	return `a rule that is ${kind} and has "cidr", "ports" or "protocol" applies to a later connection`;
}

function unique(known: Map<string, Path>, name: string, path: Path, message: string, report: Report): void {
	if (name !== "" && known.has(name)) report.at(path, message, "a unique name");
	known.set(name, path);
}

function checkErrno(value: unknown, report: Report): number {
	const name = typeof value === "string" ? value : DEFAULTS.denyErrno;
	const number = ERRNOS.get(name.toUpperCase());
	if (number !== undefined) return number;
	const suggestion = nearest(name, [...ERRNOS.keys()]);
	const expected = `one of ${[...ERRNOS.keys()].join(", ")}`;
	report.at(
		["deny_errno"],
		`unknown error "${name}"${didYouMean(suggestion)}; expected ${expected}`,
		expected,
		suggestion,
	);
	return ERRNOS.get(DEFAULTS.denyErrno)!;
}

function checkResolvers(value: unknown, report: Report): string[] {
	const addresses = (Array.isArray(value) ? itemsOf(value, ["resolvers"]) : null) ?? [];
	return addresses.flatMap((item) => {
		const address = parseAddress(String(item.value));
		if (address) return [formatAddress(address)];
		report.at(item.path, `"${item.value}" is not an IP address`, "an address such as 10.0.0.2");
		return [];
	});
}

function checkSearch(value: unknown, report: Report): string[] {
	const suffixes = (Array.isArray(value) ? itemsOf(value, ["search"]) : null) ?? [];
	return suffixes.flatMap((item) => {
		const parsed = parsePattern(String(item.value));
		const wrong = "wrong" in parsed ? parsed.wrong : wrongSuffix(parsed.pattern);
		if (wrong === null && "pattern" in parsed) return [parsed.pattern];
		report.at(item.path, `"${item.value}" ${wrong}`, 'a suffix such as corp.example or "*.svc.cluster.local"');
		return [];
	});
}

/* A star elsewhere would let a question carry data to the owner of a zone in the suffix. */
function wrongSuffix(pattern: string): string | null {
	const { labels, mask, many } = patternShape(pattern);
	if (many === 1) return 'has a "**"; a suffix has one "*" at most';
	if ((mask & ~(1 << (labels - 1))) !== 0) return 'has a "*" that is not the first label';
	return mask !== 0 && labels < 3 ? 'has fewer than two labels after the "*"' : null;
}

/** Seconds of 90, "90", "90s" and "5m". */
function checkSeconds(ttl: Record<string, unknown>, key: "floor" | "grace", report: Report): number {
	const value = ttl[key];
	if (typeof value === "number") return value;
	const match = typeof value === "string" ? /^([0-9]+)([smhd]?)$/.exec(value) : null;
	if (match === null) return DEFAULTS.ttl[key];
	const unit = { s: 1, m: 60, h: 3600, d: 86400 }[match[2] as "s" | "m" | "h" | "d"] ?? 1;
	const seconds = Number(match[1]) * unit;
	/* The schema has the same bound for numbers. The kernel's field has 32 bits. */
	if (seconds > SECONDS_MAX)
		report.at(["ttl", key], `"${value}" is more than a week; write 7d or less`, "at most 7d", "7d");
	return seconds;
}

const SECONDS_MAX = 604_800;
