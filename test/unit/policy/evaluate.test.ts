import { describe, expect, test } from "vitest";
import { type Connection, type Decision, evaluate } from "../../../src/policy/evaluate/evaluate.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { renderProblem } from "../../../src/policy/read/problem.ts";
import { worldEnvironment } from "./world.ts";

const SOMEONE: Connection["who"] = { exe: null, uid: 1000, cgroup: "system.slice/agent.service" };

/** A TCP connection to 192.0.2.1:443. */
const TO: Connection = {
	phase: "connect",
	address: "192.0.2.1",
	port: 443,
	protocol: 6,
	who: SOMEONE,
	learned: [],
	name: null,
	trustedResolver: false,
	dnsMessage: false,
};

/** "deny rule g/r0" or "allow default", followed by alert and other special results. */
function decide(head: string, rules: string[], connection: Partial<Connection>): string {
	const text = `version: 1\n${head}\ngroups:\n  - name: g\n    rules:\n${rules.map((r, i) => `      - { name: r${i}, ${r} }\n`).join("") || "      []\n"}`;
	const parsed = parsePolicy(text, "p", worldEnvironment);
	if (!parsed.ok) throw new Error(parsed.problems.map(renderProblem).join("\n"));
	return say(evaluate(parsed.policy, { ...TO, ...connection }));
}

function say({ verdict, rule, reason, alert, helloRequired }: Decision): string {
	const by = rule ? rule.name : reason;
	return [verdict, by, alert ? `alert ${alert.name}` : "", helloRequired ? "hello" : ""].filter(Boolean).join(" ");
}

const DENY = "mode: enforce\ndefaults: { dns: deny, connect: deny, tls: deny }";
const ALLOW = "mode: enforce";

describe("words", () => {
	test.for([
		[
			"the first allow or deny decides",
			["action: allow, to: { ports: 443 }", "action: deny, to: { ports: 443 }"],
			"allow r0",
		],
		["all conditions must hold", ["action: allow, to: { ports: 443, cidr: 10.0.0.0/8 }"], "deny default"],
		["one member of a list is enough", ["action: allow, to: { ports: [80, 443] }"], "allow r0"],
		[
			"an alert is recorded and the search goes on",
			["action: alert", "action: alert", "action: allow"],
			"allow r2 alert r0",
		],
		["an alert after the decision is not", ["action: allow", "action: alert"], "allow r0"],
		["an alert stands beside the default", ["action: alert"], "deny default alert r0"],
		["a rule without conditions matches everything", ["action: allow"], "allow r0"],
	] as const)("%s", ([, rules, expected]) => {
		expect(decide(DENY, [...rules], {})).toBe(expected);
	});

	test("mode observe does not enforce a denial and reports would_deny", () => {
		expect(decide("mode: observe\ndefaults: { connect: deny }", [], {})).toBe("would_deny default");
		expect(decide("mode: observe", ["action: deny"], {})).toBe("would_deny r0");
	});
});

describe("dns", () => {
	const ask = (name: string | null): Partial<Connection> => ({ phase: "dns", protocol: 17, port: 53, name });
	test.for([
		["a rule with the domain decides", ["action: allow, to: { domain: example.com }"], "Example.com.", "allow r0"],
		[
			"an allow for a port lets the name be asked for",
			["action: allow, to: { domain: example.com, ports: 443 }"],
			"example.com",
			"allow r0",
		],
		["a rule without a domain takes no part", ["action: allow"], "example.com", "deny default"],
		[
			"who asks counts",
			["action: allow, to: { domain: example.com }, from: { user: 7 }"],
			"example.com",
			"deny default",
		],
		[
			"a question that cannot be read has the default",
			["action: allow, to: { domain: '**' }"],
			null,
			"deny unreadable",
		],
		[
			"a rule narrowed to tls takes no part",
			["action: allow, phases: tls, to: { domain: '**' }"],
			"example.com",
			"deny default",
		],
	] as const)("%s", ([, rules, name, expected]) => {
		expect(decide(DENY, [...rules], ask(name))).toBe(expected);
	});

	test("a deny rule with ports does not apply to the DNS question", () => {
		expect(decide(ALLOW, ["action: deny, to: { domain: example.com, ports: 25 }"], ask("example.com"))).toBe(
			"allow default",
		);
		expect(decide(ALLOW, ["action: deny, to: { domain: example.com }"], ask("example.com"))).toBe("deny r0");
	});

	test("an unreadable question passes where the default allows", () => {
		expect(decide(ALLOW, ["action: deny, to: { domain: '**' }"], ask(null))).toBe("allow default");
	});
});

describe("connect", () => {
	test("port 53 of a trusted resolver is left to phase dns", () => {
		const resolver = { port: 53, protocol: 17, trustedResolver: true, dnsMessage: true };
		expect(decide(DENY, ["action: deny"], resolver)).toBe("allow resolver");
		expect(decide(DENY, [], { ...resolver, protocol: 6, dnsMessage: false })).toBe("allow resolver");
		expect(decide(DENY, [], { ...resolver, dnsMessage: false })).toBe("deny unreadable");
		expect(decide(DENY, ["action: allow"], { ...resolver, dnsMessage: false })).toBe("allow r0");
		expect(decide(DENY, [], { ...resolver, port: 54 })).toBe("deny default");
		expect(decide(DENY, [], { ...resolver, trustedResolver: false })).toBe("deny default");
	});

	test("ports match TCP and UDP only", () => {
		const rule = ["action: allow, to: { ports: 0-65535 }"];
		expect(decide(DENY, rule, { protocol: 17 })).toBe("allow r0");
		expect(decide(DENY, rule, { protocol: 1, port: 0 })).toBe("deny default");
		expect(decide(DENY, ["action: allow, to: { protocol: icmp }"], { protocol: 1, port: 0 })).toBe("allow r0");
	});

	test("IPv4-mapped IPv6 is IPv4, and a prefix of length 0 matches only its family", () => {
		expect(decide(DENY, ["action: allow, to: { cidr: 192.0.2.0/24 }"], { address: "::ffff:192.0.2.9" })).toBe(
			"allow r0",
		);
		expect(decide(DENY, ["action: allow, to: { cidr: 0.0.0.0/0 }"], { address: "2001:db8::1" })).toBe("deny default");
		expect(decide(DENY, ["action: allow, to: { cidr: '::/0' }"], {})).toBe("deny default");
	});

	test("a rule with a domain matches only addresses that were learned for it", () => {
		const rule = ["action: allow, to: { domain: example.com }"];
		expect(decide(DENY, rule, { learned: ["example.com"] })).toBe("allow r0");
		expect(decide(DENY, rule, { learned: ["other.com"] })).toBe("deny default");
		expect(decide(DENY, rule, {})).toBe("deny default");
	});

	test("one allowed learned name is enough; otherwise the first name's denial counts", () => {
		const rules = [
			"action: deny, to: { domain: bad.com }",
			"action: allow, to: { domain: good.com }",
			"action: deny, to: { domain: worse.com }",
		];
		expect(decide(DENY, rules, { learned: ["bad.com", "good.com"] })).toBe("allow r1");
		expect(decide(DENY, rules, { learned: ["worse.com", "bad.com"] })).toBe("deny r2");
		expect(decide(ALLOW, rules, { learned: ["bad.com", "other.com"] })).toBe("allow default");
	});

	test("name_binding sni allows for a rule with a domain, and requires a hello", () => {
		const sni = `${DENY}\nname_binding: sni`;
		const rules = ["action: deny, to: { domain: bad.com }", "action: allow, to: { domain: example.com, ports: 443 }"];
		expect(decide(sni, rules, {})).toBe("allow r1 hello");
		expect(decide(sni, rules, { learned: ["bad.com"] })).toBe("allow r1 hello");
		expect(decide(sni, rules, { learned: ["example.com"] })).toBe("allow r1");
		expect(decide(sni, rules, { protocol: 17 })).toBe("allow r1 hello");
		expect(decide(sni, rules, { protocol: 132 })).toBe("deny default");
		expect(decide(sni, rules, { port: 80 })).toBe("deny default");
		expect(decide(sni, ["action: deny", ...rules], {})).toBe("deny r0");
		expect(decide(DENY, rules, {})).toBe("deny default");
	});

	test("name_binding sni does not allow by a rule without a domain behind the denial of the name", () => {
		const rules = ["action: deny, to: { domain: bad.com }", "action: allow, to: { ports: 443 }"];
		expect(decide(`${DENY}\nname_binding: sni`, rules, { learned: ["bad.com"] })).toBe("deny r0");
	});
});

describe("tls", () => {
	const hello = (name: string | null, learned: string[] = []): Partial<Connection> => ({ phase: "tls", name, learned });
	const rule = ["action: allow, to: { domain: '*.example.com' }"];

	test("an allow rule with a domain matches only an address that was learned for the name", () => {
		expect(decide(DENY, rule, hello("a.example.com", ["a.example.com"]))).toBe("allow r0");
		expect(decide(DENY, rule, hello("A.EXAMPLE.com.", ["a.example.com"]))).toBe("allow r0");
		expect(decide(DENY, rule, hello("a.example.com", ["b.example.com"]))).toBe("deny name_unbound");
		expect(decide(DENY, rule, hello("b.example.org", ["b.example.org"]))).toBe("deny default");
		expect(decide(`${DENY}\nname_binding: sni`, rule, hello("a.example.com"))).toBe("allow r0");
	});

	test("a deny or alert rule with a domain needs no learned address", () => {
		expect(decide(ALLOW, ["action: deny, to: { domain: '**.example.com' }"], hello("a.b.example.com"))).toBe("deny r0");
		expect(decide(ALLOW, ["action: alert, to: { domain: '**.example.com' }"], hello("a.b.example.com"))).toBe(
			"allow default alert r0",
		);
	});

	test("an unbound allow does not hide a later rule", () => {
		expect(decide(DENY, [...rule, "action: allow, to: { cidr: 192.0.2.0/24 }"], hello("a.example.com"))).toBe(
			"allow r1",
		);
		expect(decide(DENY, [...rule, "action: deny"], hello("a.example.com"))).toBe("deny r1");
	});

	test("a missing or invalid name matches no rule with a domain", () => {
		const any = ["action: allow, to: { domain: '**' }"];
		expect(decide(DENY, any, hello(null))).toBe("deny name_missing");
		expect(decide(DENY, ["action: allow"], hello(null))).toBe("allow r0");
		expect(decide(DENY, ["action: deny"], hello(null))).toBe("deny r0");
		for (const bad of ["", "a..b", "1.2.3.4", "a b.com", "b\u00fc.de", "x".repeat(64), `${"a.".repeat(126)}ab`]) {
			expect(decide(`${DENY}\nname_binding: sni`, any, hello(bad)), bad).toBe("deny name_bad");
		}
		expect(decide(`${DENY}\nname_binding: sni`, any, hello(`${"a.".repeat(126)}a`))).toBe("allow r0");
	});
});

describe("domains", () => {
	test.for([
		["example.com", "example.com", true],
		["example.com", "www.example.com", false],
		["*.example.com", "www.example.com", true],
		["*.example.com", "example.com", false],
		["*.example.com", "a.www.example.com", false],
		["**.example.com", "a.www.example.com", true],
		["**.example.com", "example.com", false],
		["**.example.com", `${"x.".repeat(20)}example.com`, true],
		["**", "localhost", true],
		["*", "localhost", true],
		["*", "example.com", false],
		["a.*.c", "a.b.c", true],
		["a.*.c", "a.b.b.c", false],
		["**.*.com", "example.com", false],
		["**.*.com", "www.example.com", true],
	] as const)("%s covers %s: %s", ([pattern, name, covered]) => {
		const rules = [`action: allow, to: { domain: "${pattern}" }`];
		expect(decide(DENY, rules, { phase: "dns", name })).toBe(covered ? "allow r0" : "deny default");
	});
});

describe("who", () => {
	const exe = { dev: (8 << 20) | 1, path: "/usr/bin/curl" };
	test.for([
		["exe: /usr/bin/curl", { ...SOMEONE, exe }, true],
		["exe: /usr/bin/curl", { ...SOMEONE, exe: { ...exe, dev: 9 } }, false],
		["exe: /usr/bin/curl", SOMEONE, false],
		["user: 1000", SOMEONE, true],
		["user: root", SOMEONE, false],
		["unit: agent.service", SOMEONE, true],
		["unit: system.slice", SOMEONE, true],
		["unit: agent.service", { ...SOMEONE, cgroup: "user.slice/x.scope/agent.service" }, false],
		["unit: agent.service", { ...SOMEONE, cgroup: null }, false],
		["cgroup: system.slice", SOMEONE, true],
		["cgroup: system", SOMEONE, false],
		["container: '*'", SOMEONE, false],
		["container: '*'", { ...SOMEONE, cgroup: "lxc.payload.web/x" }, true],
		["container: web", { ...SOMEONE, cgroup: "lxc.payload.web/x" }, true],
		["container: my-vm", { ...SOMEONE, cgroup: "machine.slice/machine-my\\x2dvm.scope" }, true],
	] as const)("from: { %s }", ([from, who, matches]) => {
		expect(decide(DENY, [`action: allow, from: { ${from} }`], { who })).toBe(matches ? "allow r0" : "deny default");
	});

	test.for(["unit: agent.service", "cgroup: a", "container: '*'"])(
		"an unknown cgroup is denied by from: { %s }",
		(from) => {
			const unknown = { who: { ...SOMEONE, cgroup: null } };
			expect(decide(ALLOW, [`action: deny, from: { ${from} }`], unknown)).toBe("deny r0");
			expect(decide(ALLOW, [`action: deny, from: { ${from}, user: root }`], unknown)).toBe("allow default");
		},
	);
});
