/**
 * Random policies and connections for property tests, here and in test/bpf. Both draw from one small world, so that rules
 * and connections meet often.
 */
import * as fc from "fast-check";
import type { Connection } from "../../../src/policy/evaluate.ts";
import type { Environment, Policy } from "../../../src/policy/model.ts";
import { parsePolicy } from "../../../src/policy/parse.ts";
import { renderProblem } from "../../../src/policy/problem.ts";

export interface RandomPolicy {
	/** The policy file; JSON is YAML. */
	readonly text: string;
	readonly policy: Policy;
}

/** Device of every file system in this world. */
export const WORLD_DEV = (8 << 20) | 1;
const CONTAINER_ID = "0123456789ab".padEnd(64, "c");
const OTHER_ID = "fedcba987654".padEnd(64, "d");

export const WORLD = {
	exes: ["/usr/bin/curl", "/usr/bin/python3", "/curl", "/opt/a/b/c/d/agent"],
	users: [0, 1000, 65534],
	cgroups: [
		"",
		"system.slice",
		"system.slice/agent.service",
		"system.slice/agent.service/inner.service",
		`system.slice/docker-${CONTAINER_ID}.scope`,
		`kubepods.slice/kubepods-pod1.slice/cri-containerd-${OTHER_ID}.scope`,
		"user.slice/user-1000.slice/session-2.scope",
		"lxc.payload.web/system.slice/agent.service",
		"machine.slice/machine-db.scope",
		"machine.slice/systemd-nspawn@db.service/payload",
	],
	units: [
		"system.slice",
		"agent.service",
		"inner.service",
		"user-1000.slice",
		"session-2.scope",
		"kubepods-pod1.slice",
	],
	containers: ["*", "0123456789ab", CONTAINER_ID, OTHER_ID.slice(0, 20), "web", "db"],
	paths: [
		"system.slice",
		"system.slice/agent.service",
		"user.slice/user-1000.slice",
		"machine.slice",
		"lxc.payload.web",
	],
	names: [
		"example.com",
		"www.example.com",
		"a.b.example.com",
		"b.example.com",
		"example.org",
		"com",
		"localhost",
		"bedrock-runtime.eu-west-1.amazonaws.com",
		"bedrock-runtime.us-east-1.amazonaws.com",
		"a.b.c.d.e.f.g.h.i.j.k.l.m.n.example.com",
		"_dmarc.example.com",
		"xn--bcher-kva.example",
	],
	patterns: [
		"**",
		"*",
		"*.com",
		"example.com",
		"*.example.com",
		"**.example.com",
		"**.*.example.com",
		"www.*.com",
		"*.*.example.com",
		"**.com",
		"**.b.example.com",
		"bedrock-runtime.*.amazonaws.com",
		"*.*.*.*.*.*.*.*.*.*.*.*.*.*.example.com",
		"_dmarc.*.com",
		"bücher.example",
		"Localhost.",
	],
	prefixes: [
		"0.0.0.0/0",
		"10.0.0.0/8",
		"10.1.0.0/16",
		"10.1.2.0/24",
		"10.1.2.3",
		"10.1.2.2/31",
		"127.0.0.0/8",
		"128.0.0.0/1",
		"255.255.255.255",
		"0.0.0.0",
		"::ffff:10.1.2.0/120",
		"::/0",
		"::1",
		"2001:db8::/32",
		"2001:db8:1::/48",
		"2001:db8:1::5/128",
		"8000::/1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"::/96",
	],
	addresses: [
		"10.1.2.3",
		"10.1.2.2",
		"10.1.2.4",
		"10.1.3.0",
		"10.0.255.255",
		"9.255.255.255",
		"11.0.0.0",
		"127.0.0.1",
		"128.0.0.0",
		"255.255.255.255",
		"255.255.255.254",
		"0.0.0.0",
		"::ffff:10.1.2.3",
		"::",
		"::1",
		"::2",
		"2001:db8::",
		"2001:db8:1::5",
		"2001:db8:1:ffff:ffff:ffff:ffff:ffff",
		"2001:db8:2::",
		"2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
	],
	ports: [0, 1, 22, 53, 80, 443, 444, 1023, 1024, 65535, "0-1", "80-443", "443-444", "1024-65535", "0-65535"],
	protocols: ["tcp", "udp", "icmp", "icmpv6", "sctp", "gre", 0, 6, 255],
	methods: ["GET", "POST", "get", "PROPFIND"],
	/** Of policies. */
	globs: [
		"/",
		"/**",
		"**",
		"*",
		"/a",
		"/a/*",
		"/a/**",
		"/*/b",
		"/**/b",
		"/a*b/**c",
		"/a/*/c**d*e",
		"/%7eu/%c3%a9",
		"/a//b",
		"/a?x=1",
		"/a?**",
		"/**?*=1",
		"/**/*.json",
	],
	statuses: [200, 404, "4xx", "5XX", "200-299", "100-999"],
	/** Of requests. */
	asked: [
		"",
		"*",
		"/",
		"/a",
		"/a/",
		"/a/b",
		"//a///b",
		"/a/b/c",
		"/ab/c",
		"/axxb/y/zc",
		"/a/x/cyydzze",
		"/a/x/y/cyyd/zze",
		"/a?x=1",
		"/a?x=1&y=%2e%2f",
		"/?",
		"/%61/b",
		"/%7Eu/%C3%a9",
		"/a/./b",
		"/a/%2E%2e/b",
		"/a/..;x/b",
		"/a/..b/...",
		"/a/..",
		"/a%2fb",
		"/a%5Cb",
		"/a\\b",
		"/a%00",
		"/a%4",
		"/a%2%35",
		"/%25/%2525",
		"/a\u00e9",
		"/x.json",
		"/a/b.json?y",
		`/a/${"x".repeat(253)}`,
		`/a/${"x".repeat(254)}`,
		`/a/${"x".repeat(100)}?${"y".repeat(400)}`,
		`/${"ab/".repeat(85)}`,
	],
	/** names that are no names, or odd ones. */
	odd: [
		"",
		".",
		"a..b",
		"1.2.3.4",
		"exa mple.com",
		"b\u00fccher.example",
		"EXAMPLE.COM.",
		"www.Example.com",
		`${"a".repeat(254)}`,
		"x.\u007f",
	],
} as const;

/** An environment in which every exe, and no list file, exists. */
export const worldEnvironment: Environment = {
	readList: (path) => {
		throw new Error(`no list ${path}`);
	},
	uidOf: (name) => (name === "root" ? 0 : name === "nobody" ? 65534 : null),
	exeOf: (path) => [{ dev: WORLD_DEV, path }],
};

/** Policies of up to `most` rules that parse. */
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
		defaults: fc.record({ dns: verdict, connect: verdict, tls: verdict, http: verdict }),
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

function parsed(raw: object): RandomPolicy {
	const text = JSON.stringify(raw);
	const result = parsePolicy(text, "random", worldEnvironment);
	if (!result.ok) throw new Error(`${result.problems.map(renderProblem).join("\n")}\n${text}`);
	return { text, policy: result.policy };
}

/** Connections of one phase, or of any. */
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
			name: fc.oneof(
				{ weight: 6, arbitrary: name },
				{ weight: 1, arbitrary: fc.constant(null) },
				{ weight: 1, arbitrary: fc.constantFrom(...WORLD.odd) },
			),
			trustedResolver: fc.boolean(),
			dnsMessage: fc.boolean(),
			asked: fc.record({
				method: fc.constantFrom(...WORLD.methods, "DELETE", "X".repeat(17)),
				path: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...WORLD.asked) }, { weight: 1, arbitrary: oddPaths }),
				status: fc.constantFrom(null, 100, 200, 204, 404, 500, 999),
			}),
		})
		.map(consistent);
}

/** Ports only where there are ports. */
function consistent(connection: Connection): Connection {
	const hasPorts = connection.protocol === 6 || connection.protocol === 17;
	return { ...connection, port: hasPorts ? connection.port : 0 };
}

/** Policies of phase http whose rules have paths. */
export function pathPolicies(most: number): fc.Arbitrary<RandomPolicy> {
	const rule = fc.record({
		action: fc.constantFrom("allow", "deny", "alert"),
		to: fc.record({ path: oneOrMany(WORLD.globs), method: maybe(oneOrMany(["GET", "POST"]), 2) }),
	});
	return fc
		.record({ mode: fc.constant("enforce"), defaults: fc.record({ http: fc.constantFrom("allow", "deny") }) })
		.chain((head) => fc.array(rule, { minLength: 1, maxLength: most }).map((rules) => ({ ...head, rules })))
		.map(({ rules, ...head }) => {
			const named = rules.map((each, index) => ({ ...each, name: `r${index}` }));
			return parsed({ version: 1, ...head, groups: [{ name: "g", rules: named }] });
		});
}

/** Made of what makes a difference in paths. */
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

/** There in `tenths` of ten cases. */
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

/** Leave out what the check would refuse: empty conditions, ports without TCP or UDP, phases that the rule cannot have. */
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
