import * as fc from "fast-check";
import { expect, test } from "vitest";
import { evaluate } from "../../../src/policy/evaluate/evaluate.ts";
import { explain } from "../../../src/policy/evaluate/explain.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { connections, policies } from "./arbitraries.ts";
import { WORLD_DEV, worldEnvironment } from "./world.ts";

test("the explanation ends at the rule that the evaluator reports, for every connection", () => {
	fc.assert(
		fc.property(policies(), fc.array(connections(), { minLength: 10, maxLength: 20 }), ({ policy }, some) => {
			for (const connection of some) {
				const said = evaluate(policy, connection);
				const { decision, decisive, looks } = explain(policy, connection);
				expect(decision).toEqual(said);
				const look = decisive === null ? null : looks[decisive]!;
				const last = look?.rules.at(-1);
				const decided = last?.outcome === "decides" ? `${last.group}/${last.rule}` : null;
				expect(decided).toBe(said.rule === null ? null : `${said.rule.group}/${said.rule.name}`);
				const alert = look?.rules.find(({ outcome }) => outcome === "alerts");
				expect(alert?.rule ?? null).toBe(said.alert?.name ?? null);
				for (const { rules, notReached } of looks) {
					expect(rules.length + notReached).toBe(policy.rules.length);
					for (const { outcome, conditions, why } of rules) {
						expect(why).not.toBe("");
						if (outcome === "no_match") expect(conditions.some(({ holds }) => !holds)).toBe(true);
						if (outcome === "decides" || outcome === "alerts")
							expect(conditions.every(({ holds }) => holds)).toBe(true);
					}
				}
			}
		}),
		{ numRuns: 500 },
	);
});

const POLICY = `
version: 1
mode: enforce
defaults: { connect: deny, tls: deny }
groups:
  - name: web
    rules:
      - { name: mail, action: deny, to: { ports: [25, 587], protocol: tcp } }
      - name: api
        action: allow
        from: { unit: agent.service, exe: /usr/bin/curl, user: 1000 }
        to: { domain: "*.example.com", ports: 443, cidr: 192.0.2.0/24 }
      - { name: bound, action: allow, to: { domain: bound.example.org } }
      - { name: late, action: allow, to: { ports: 443 } }
`;

function why(change: object, name: string): { outcome: string; why: string } {
	const parsed = parsePolicy(POLICY, "p", worldEnvironment);
	if (!parsed.ok) throw new Error("policy");
	const { looks } = explain(parsed.policy, {
		phase: "tls",
		address: "192.0.2.7",
		port: 443,
		protocol: 6,
		who: { exe: { dev: WORLD_DEV, path: "/usr/bin/curl" }, uid: 1000, cgroup: "system.slice/agent.service" },
		learned: ["api.example.com"],
		name: "api.example.com",
		trustedResolver: false,
		dnsMessage: false,
		...change,
	});
	const step = looks[0]?.rules.find(({ rule }) => rule === name);
	return { outcome: step?.outcome ?? "not reached", why: step?.why ?? "" };
}

test.each<[object, string, string, string]>([
	[{}, "mail", "no_match", "port 443 is not 25 or 587"],
	[{}, "api", "decides", "api.example.com is covered by *.example.com"],
	[{}, "late", "not reached", ""],
	[{ learned: [] }, "api", "decides", "api.example.com is covered by *.example.com"],
	[{ learned: [], name: "bound.example.org" }, "bound", "no_match", "DNS did not answer it with this address"],
	[{ name: "api.example.org" }, "api", "no_match", "api.example.org is not covered by *.example.com"],
	[{ name: null }, "api", "no_match", "no name is known; the rule is for *.example.com"],
	[{ address: "192.0.3.1" }, "api", "no_match", "192.0.3.1 is not in its prefixes"],
	[{ protocol: 17 }, "mail", "no_match", "udp is not tcp; port 443 is not"],
	[{ protocol: 1, port: 0 }, "late", "no_match", "icmp has no ports"],
	[{ phase: "dns" }, "late", "not reached", ""],
	[{ phase: "dns", name: "x.org" }, "late", "other_phase", "it has no domain"],
	[{ phase: "dns", name: "x.org" }, "mail", "other_phase", "it has no domain"],
	[
		{ who: { exe: null, uid: -1, cgroup: null } },
		"api",
		"no_match",
		"the program is unknown, and the rule allows; the user is unknown, and is not 1000; the unit is unknown, and the rule allows",
	],
	[
		{ who: { exe: { dev: 1, path: "/usr/bin/curl" }, uid: 1000, cgroup: "system.slice/agent.service" } },
		"api",
		"no_match",
		"the program /usr/bin/curl is not /usr/bin/curl",
	],
])("with %j the rule %s: %s, %s", (change, rule, outcome, text) => {
	const found = why(change, rule);
	expect(found.outcome).toBe(outcome);
	expect(found.why).toContain(text);
});
