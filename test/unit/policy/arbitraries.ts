/**
 * Random policies and connections for property tests, here and in test/bpf. Both use the few values of world.ts, so
 * that rules often match connections.
 */
import * as fc from "fast-check";
import type { Connection } from "../../../src/policy/evaluate/evaluate.ts";
import type { Overlay } from "../../../src/policy/layers.ts";
import type { Policy } from "../../../src/policy/model.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { renderProblem } from "../../../src/policy/read/problem.ts";
import { WORLD, WORLD_DEV, worldEnvironment } from "./world.ts";

export interface RandomPolicy {
	/** The policy file: JSON, which is valid YAML. */
	readonly text: string;
	readonly policy: Policy;
}

/** Valid policies of up to `most` rules. */
export function policies(most = 12): fc.Arbitrary<RandomPolicy> {
	const verdict = fc.constantFrom("allow", "deny");
	const rule = fc.record({
		action: fc.constantFrom("allow", "deny", "alert"),
		phases: maybe(phaseLists, 2),
		to: maybe(places, 9),
		from: maybe(whos, 3),
	});
	const group = fc.record({
		priority: maybe(fc.integer({ min: 0, max: 3 }), 7),
		rules: fc.array(rule, { maxLength: Math.ceil(most / 3) }),
	});
	const file = fc.record({
		mode: fc.constantFrom("observe", "enforce"),
		name_binding: fc.constantFrom("strict", "sni"),
		defaults: fc.record({ dns: verdict, connect: verdict, tls: verdict, http: verdict, unread: verdict }),
		groups: fc.array(group, { maxLength: 3 }),
	});
	return file.map((raw) => {
		const groups = raw.groups.map((one, g) => ({
			...one,
			name: `g${g}`,
			rules: one.rules.map((r, i) => tidy({ name: `r${i}`, ...r })),
		}));
		return parsed({ version: 1, ...raw, groups });
	});
}

/**
 * A policy with up to six overlays. Few sets of rules, scopes and ends, so that overlays often share rules, overlap and
 * end together. Ends are at most 40 ms.
 */
export function layeredPolicies(): fc.Arbitrary<{ readonly policy: Policy; readonly overlays: readonly Overlay[] }> {
	const scopes = fc.constantFrom(null, "system.slice", "system.slice/agent.service", "user.slice", "lxc.payload.web");
	const overlay = fc.record({
		scope: scopes,
		end: fc.constantFrom(null, 10, 20, 30, 40),
		set: fc.integer({ min: 0, max: 2 }),
	});
	return fc
		.tuple(policies(6), fc.tuple(policies(6), policies(3), policies(3)), fc.array(overlay, { maxLength: 6 }))
		.map(([{ policy }, sets, some]) => ({
			policy: { ...policy, rules: policy.rules.map((rule) => ({ ...rule, final: isFinal(rule) })) },
			overlays: some.map(({ scope, end, set }, index) => {
				const { rules } = sets[set]!.policy;
				return { name: `o${index}`, scope, end, rules, content: `content-${set}` };
			}),
		}))
		.map(({ policy, overlays }) => {
			const { rules } = policy;
			const ordered = [...rules.filter((rule) => rule.final), ...rules.filter((rule) => !rule.final)];
			return { policy: { ...policy, rules: ordered.map((rule, index) => ({ ...rule, index })) }, overlays };
		});
}

/* Some of the deny rules. */
function isFinal({ action, index }: Policy["rules"][number]): boolean {
	return action === "deny" && index % 2 === 0;
}

function parsed(raw: object): RandomPolicy {
	const text = JSON.stringify(raw);
	const result = parsePolicy(text, "random", worldEnvironment);
	if (!result.ok) throw new Error(`${result.problems.map(renderProblem).join("\n")}\n${text}`);
	return { text, policy: result.policy };
}

/** Connections in one phase, or in any. */
export function connections(phase?: Connection["phase"]): fc.Arbitrary<Connection> {
	const name = fc.constantFrom(...WORLD.names);
	return fc
		.record({
			phase: phase === undefined ? fc.constantFrom("dns", "connect", "tls", "http") : fc.constant(phase),
			address: fc.constantFrom(...WORLD.addresses),
			port: fc.constantFrom(0, 1, 2, 22, 53, 79, 80, 442, 443, 444, 445, 1023, 1024, 40000, 65535),
			protocol: fc.oneof(
				{ weight: 4, arbitrary: fc.constantFrom(6, 17) },
				{ weight: 1, arbitrary: fc.constantFrom(0, 1, 47, 58, 132, 255) },
			),
			who: fc.record({
				exe: fc.oneof(
					{ weight: 1, arbitrary: fc.constant(null) },
					{
						weight: 4,
						arbitrary: fc.record({
							dev: fc.constantFrom(WORLD_DEV, WORLD_DEV, 7),
							path: fc.constantFrom(...WORLD.exes),
						}),
					},
				),
				uid: fc.constantFrom(...WORLD.users, 42),
				cgroup: fc.constantFrom<string | null>(...WORLD.cgroups, null),
			}),
			learned: fc.uniqueArray(name, { maxLength: 3 }),
			lapsed: fc.array(fc.record({ name, why: fc.constantFrom("name_expired" as const, "name_capped" as const) }), {
				maxLength: 1,
			}),
			name: fc.oneof(
				{ weight: 6, arbitrary: name },
				{ weight: 1, arbitrary: fc.constant(null) },
				{ weight: 1, arbitrary: fc.constantFrom(...WORLD.odd) },
			),
			trustedResolver: fc.boolean(),
			dnsMessage: fc.boolean(),
			unread: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
			request: fc.record({
				method: fc.constantFrom(...WORLD.methods, "DELETE", "X".repeat(17)),
				path: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...WORLD.asked) }, { weight: 1, arbitrary: oddPaths }),
				status: fc.constantFrom(null, 100, 200, 204, 404, 500, 999),
			}),
		})
		.map(consistent);
}

/** Removes ports from protocols without ports. */
function consistent(connection: Connection): Connection {
	const hasPorts = connection.protocol === 6 || connection.protocol === 17;
	return { ...connection, port: hasPorts ? connection.port : 0 };
}

/** Policies for phase http whose rules have paths. */
export function pathPolicies(most: number): fc.Arbitrary<RandomPolicy> {
	const rule = fc.record({
		action: fc.constantFrom("allow", "deny", "alert"),
		to: fc.record({ path: oneOrMany(WORLD.globs), method: maybe(oneOrMany(["GET", "POST"]), 2) }),
	});
	return fc
		.record({
			mode: fc.constant("enforce"),
			defaults: fc.record({ http: fc.constantFrom("allow", "deny"), unread: fc.constantFrom("allow", "deny") }),
		})
		.chain((head) => fc.array(rule, { minLength: 1, maxLength: most }).map((rules) => ({ ...head, rules })))
		.map(({ rules, ...head }) => {
			const named = rules.map((each, index) => ({ ...each, name: `r${index}` }));
			return parsed({ version: 1, ...head, groups: [{ name: "g", rules: named }] });
		});
}

/** Strings of the characters that matter in paths. */
const oddPaths = fc
	.array(fc.constantFrom("/", "a", "b", ".", "..", ";", "?", "%", "%2", "%2e", "%2F", "%41", "%e9", "x=1", "\\", "c"), {
		maxLength: 12,
	})
	.map((parts) => `/${parts.join("")}`);

const phaseLists = fc.constantFrom("dns", "connect", "tls", "http", ["connect", "tls"], ["dns", "tls", "http"]);

const places = fc.record({
	cidr: maybe(oneOrMany(WORLD.prefixes), 3),
	ports: maybe(oneOrMany(WORLD.ports), 3),
	protocol: maybe(oneOrMany(WORLD.protocols), 2),
	domain: maybe(oneOrMany(WORLD.patterns), 6),
	method: maybe(oneOrMany(WORLD.methods.filter((method) => method !== "get")), 2),
	path: maybe(oneOrMany(WORLD.globs), 2),
	status: maybe(oneOrMany(WORLD.statuses), 1),
});

const whos = fc.record({
	exe: maybe(oneOrMany(WORLD.exes), 3),
	user: maybe(oneOrMany([...WORLD.users, "nobody"]), 3),
	unit: maybe(oneOrMany(WORLD.units), 3),
	container: maybe(oneOrMany(WORLD.containers), 3),
	cgroup: maybe(oneOrMany(WORLD.paths), 3),
});

function oneOrMany<T>(values: readonly T[]): fc.Arbitrary<T | T[]> {
	return fc.oneof(
		fc.constantFrom(...values),
		fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 4 }),
	);
}

/** A value that is present in `tenths` of ten cases. */
function maybe<T>(arbitrary: fc.Arbitrary<T>, tenths: number): fc.Arbitrary<T | undefined> {
	return fc.oneof({ weight: 10 - tenths, arbitrary: fc.constant(undefined) }, { weight: tenths, arbitrary });
}

type RawRule = {
	name: string;
	action: string;
	phases?: unknown;
	to?: Record<string, unknown> | undefined;
	from?: Record<string, unknown> | undefined;
};

/** Removes what parsePolicy() would refuse: empty conditions, ports without TCP or UDP, impossible phases. */
function tidy(rule: RawRule): RawRule {
	const to = { ...rule.to };
	const protocols = [to["protocol"]].flat();
	if (
		to["ports"] !== undefined &&
		protocols.some((one) => one !== undefined && one !== "tcp" && one !== "udp" && one !== 6)
	) {
		to["protocol"] = undefined;
	}
	const requests = ["method", "path", "status"].some((key) => to[key] !== undefined);
	if (requests && protocols.length > 0 && !protocols.some((one) => one === "tcp" || one === 6))
		to["protocol"] = undefined;
	const speaksOfLater = to["cidr"] !== undefined || to["ports"] !== undefined || to["protocol"] !== undefined;
	const canAsk = to["domain"] !== undefined && (rule.action === "allow" || !speaksOfLater);
	const asks = [rule.phases].flat().includes("dns");
	const others = [rule.phases].flat().some((phase) => phase !== undefined && phase !== "http");
	const { phases: _, ...rest } = rule;
	return {
		...rest,
		...((asks && !canAsk) || (requests && others) ? {} : { phases: rule.phases }),
		to: isEmpty(to) ? undefined : to,
		from: isEmpty(rule.from) ? undefined : rule.from,
	};
}

function isEmpty(value: Record<string, unknown> | undefined): boolean {
	return Object.values(value ?? {}).every((one) => one === undefined);
}
