import { expect, test } from "vitest";
import { comparePolicies } from "../../../src/policy/evaluate/compare.ts";
import type { RecordedConnection } from "../../../src/policy/evaluate/replay-records.ts";
import type { Environment } from "../../../src/policy/model.ts";

const environment: Environment = {
	readList: () => new Uint8Array(),
	uidOf: () => 0,
	exeOf: (path) => [{ dev: 1, path }],
};

const policy = (rules: string, head = "mode: enforce\ndefaults: { connect: deny, tls: deny }") =>
	`version: 1\n${head}\ngroups:\n  - name: g\n    rules:\n${rules}`;
const rule = (name: string, body: string) => `      - { name: ${name}, ${body} }\n`;
const API = rule("api", "action: allow, from: { exe: /usr/bin/curl }, to: { domain: api.example.com, ports: 443 }");
const NETS = rule("nets", "action: allow, to: { cidr: 192.0.2.0/24 }");

function replay(before: string, after: string, ...records: Partial<RecordedConnection>[]) {
	const side = (text: string) => ({ text, source: "p.yaml", environment });
	const { problems, decidedOtherwise } = comparePolicies(side(before), side(after));
	expect(problems).toEqual([]);
	const all = records.map((each, index) => ({ ...RECORD, last: `2026-01-01T00:00:0${index}.000Z`, ...each }));
	return decidedOtherwise(all);
}

const RECORD: RecordedConnection = {
	last: "",
	remote: "198.51.100.1",
	remotePort: 443,
	protocol: "tcp",
	name: "api.example.com",
	process: { comm: "curl", exe: "/usr/bin/curl", uid: 1000 },
	unit: "agent.service",
	cgroup: "system.slice/agent.service",
	decisions: { connect: { reason: "rule" }, tls: { reason: "rule" } },
};

test("differences are grouped by name, process and rules, with a count; equal decisions are omitted", () => {
	const other = { name: "www.example.com", remote: "192.0.2.9" };
	expect(
		replay(policy(API + NETS), policy(NETS), {}, { remote: "198.51.100.2" }, other, { remotePort: 80, name: null }),
	).toEqual([
		{
			name: "api.example.com",
			remote: "198.51.100.2",
			port: 443,
			protocol: "tcp",
			process: "curl",
			unit: "agent.service",
			before: { verdict: "allow", phase: "tls", group: "g", rule: "api", reason: "rule" },
			after: { verdict: "deny", phase: "connect", group: null, rule: null, reason: "default" },
			count: 2,
			last: "2026-01-01T00:00:01.000Z",
		},
	]);
});

test("denials that would be allowed; an unbound name stays unbound", () => {
	const denied = { decisions: { connect: { reason: "default" } } };
	expect(replay(policy(NETS), policy(API), denied)).toMatchObject([
		{ before: { verdict: "deny" }, after: { verdict: "allow", rule: "api" }, count: 1 },
	]);
	const unbound = { decisions: { connect: { reason: "rule" }, tls: { reason: "name_unbound" } } };
	expect(replay(policy(NETS), policy(API), unbound)).toEqual([]);
	expect(replay(policy(NETS), policy(API), { ...denied, process: { comm: "x", exe: "/bin/x", uid: 0 } })).toEqual([]);
});

test("questions, other protocols, a change of mode, and a rule with only a new name", () => {
	const ads = rule("ads", 'action: deny, phases: dns, to: { domain: "**.ads.example" }');
	const question = { remote: "10.0.0.2", remotePort: 53, protocol: "udp", decisions: { dns: { reason: "default" } } };
	expect(replay(policy(NETS), policy(ads), { ...question, name: "x.ads.example" }, question)).toMatchObject([
		{ name: "x.ads.example", after: { phase: "dns", rule: "ads", verdict: "deny" } },
	]);
	const connect = { connect: { reason: "rule" } };
	const ping = { name: null, protocol: "icmp6", remote: "2001:db8::1", remotePort: 0, decisions: connect };
	const pings = rule("ping", 'action: allow, to: { cidr: "2001:db8::/32", protocol: icmpv6 }');
	expect(replay(policy(pings), policy(NETS), ping)).toMatchObject([
		{ before: { rule: "ping" }, after: { verdict: "deny" } },
	]);
	const observed = policy(NETS, "mode: observe\ndefaults: { connect: deny }");
	expect(replay(observed, policy(NETS), ping)).toMatchObject([
		{ before: { verdict: "would_deny" }, after: { verdict: "deny" } },
	]);
	expect(replay(policy(API), policy(API.replace("api,", "renamed,")), {})).toEqual([]);
	expect(replay(policy(API), policy(NETS), { decisions: {} })).toEqual([]);
});
