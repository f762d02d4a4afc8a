/** Warnings about one rule, each at the value that should change. */
import { PROTOCOL } from "../../native/layout.ts";
import type { Environment, Policy, PrefixSet, Rule } from "../model.ts";
import { phasesOf } from "../phases.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { itemsOf, recordOf } from "./values.ts";

export interface RuleAt {
	/** A rule, or the first part of a preset. */
	readonly rule: Rule;
	/** As written. */
	readonly written: Record<string, unknown>;
	readonly path: Path;
}

export function warnOfRule(at: RuleAt, policy: Policy, environment: Environment, report: Report): void {
	const { rule, written, path } = at;
	if (rule.action === "allow" && written["to"] === undefined)
		report.at(path, everywhere(rule), 'a "to"', 'to: { cidr: ["0.0.0.0/0", "::/0"] }');
	if (opensEveryPort(rule, policy))
		report.at([...path, "to", "domain"], everyPort(rule), "ports beside domain", "ports: 443", "key");
	warnOfFamilies(at, policy, report);
	warnOfUnits(at, report);
	warnOfPrograms(at, environment, report);
}

function everywhere({ name }: Rule): string {
	return `rule "${name}" has no "to", so it allows every destination; add to, such as to: { cidr: ["0.0.0.0/0", "::/0"] } if that is meant`;
}

/* A deny rule after it, or the default, would otherwise close ports. */
function opensEveryPort(rule: Rule, { defaults, rules }: Policy): boolean {
	const { action, preset, to } = rule;
	if (action !== "allow" || preset !== null || to.domain === null || to.ports !== null) return false;
	if (to.protocol !== null && !to.protocol.some((each) => each === PROTOCOL.tcp || each === PROTOCOL.udp)) return false;
	if (!phasesOf(rule).includes("connect")) return false;
	return defaults.connect === "deny" || rules.slice(rule.index + 1).some((each) => each.action === "deny");
}

function everyPort({ name, to }: Rule): string {
	const patterns = (to.domain ?? []).flat();
	const wide = patterns.find((pattern) => pattern.includes("*"));
	const owner = wide === undefined ? "" : ", and whoever owns such a name chooses its addresses";
	return `rule "${name}" allows every port of the addresses of ${wide ?? patterns[0] ?? "its names"}${owner}; add ports, such as ports: 443`;
}

/* Another rule of the same action may have the other family. */
function warnOfFamilies({ rule, path }: RuleAt, { rules }: Policy, report: Report): void {
	const all = familiesOf(rule);
	if (rule.preset !== null || all.size !== 1) return;
	const others = rules.filter(({ action }) => action === rule.action).map(familiesOf);
	const missing = all.has(ALL_V4) ? ALL_V6 : ALL_V4;
	if (others.some((each) => each.has(missing))) return;
	const [given = ""] = all;
	const family = missing === ALL_V6 ? "IPv6" : "IPv4";
	const message = `rule "${rule.name}" has ${given} without ${missing}, so it does not match ${family}; add "${missing}"`;
	report.at([...path, "to", "cidr"], message, `${given} and ${missing}`, `[${given}, "${missing}"]`);
}

const ALL_V4 = "0.0.0.0/0";
const ALL_V6 = "::/0";

/** The families of which a rule has every address. */
function familiesOf({ to }: Rule): ReadonlySet<string> {
	const found = new Set<string>();
	const has = (lengths: (set: PrefixSet) => Uint8Array) => to.cidr?.some((set) => lengths(set).includes(0)) ?? false;
	if (has(({ v4Length }) => v4Length)) found.add(ALL_V4);
	if (has(({ v6Length }) => v6Length)) found.add(ALL_V6);
	return found;
}

function warnOfUnits({ written, path }: RuleAt, report: Report): void {
	const at = [...path, "from", "unit"];
	for (const item of itemsOf(recordOf(written["from"])["unit"], at) ?? []) {
		const name = String(item.value);
		if (UNIT.test(name)) continue;
		const message = `"${name}" has no suffix of a unit, so it matches no service; write ${name}.service`;
		report.at(item.path, message, "a full name such as agent.service", `${name}.service`);
	}
}

/** Units that have a cgroup: systemd.unit(5). */
const UNIT = /\.(?:service|slice|scope|socket|mount|swap)$/;

function warnOfPrograms({ written, path }: RuleAt, environment: Environment, report: Report): void {
	const at = [...path, "from", "exe"];
	for (const item of itemsOf(recordOf(written["from"])["exe"], at) ?? []) {
		const program = String(item.value);
		const wrong = environment.whyNoProgram?.(program) ?? null;
		if (wrong === null) continue;
		const message = `"${program}" ${wrong.problem}, so it matches no client; ${wrong.mend}`;
		report.at(item.path, message, "the path of a program");
	}
}
