/** `to: { preset: encrypted-dns }`. */
import { describe, expect, test } from "vitest";
import { formatAddress, parseAddress } from "../../../src/policy/cidr.ts";
import { parsePattern } from "../../../src/policy/domain.ts";
import { DOH_ADDRESSES, DOH_NAMES, encryptedDns } from "../../../src/policy/encrypted-dns.ts";
import { type Connection, evaluate } from "../../../src/policy/evaluate/evaluate.ts";
import { explain } from "../../../src/policy/evaluate/explain.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { renderProblem } from "../../../src/policy/read/problem.ts";
import { worldEnvironment } from "./world.ts";

function parse(rule: string) {
	const text = `version: 1\nmode: enforce\ngroups:\n  - name: g\n    rules:\n      - ${rule}\n`;
	return parsePolicy(text, "p.yaml", worldEnvironment);
}

function policyOf(rule: string) {
	const parsed = parse(rule);
	if (!parsed.ok) throw new Error(parsed.problems.map(renderProblem).join("\n"));
	return parsed.policy;
}

const mistakes = (rule: string) => {
	const parsed = parse(rule);
	return parsed.ok ? [] : parsed.problems.map(renderProblem);
};

const ask = (over: Partial<Connection>): Connection => ({
	phase: "connect",
	address: "192.0.2.1",
	port: 443,
	protocol: 6,
	who: { exe: null, uid: 0, cgroup: null },
	learned: [],
	name: null,
	trustedResolver: false,
	dnsMessage: false,
	...over,
});

describe("a deny rule with the preset", () => {
	const policy = policyOf("{ name: no-doh, action: deny, to: { preset: encrypted-dns } }");
	test.each([
		["DoT", ask({ port: 853 }), "deny"],
		["DoQ", ask({ port: 853, protocol: 17 }), "deny"],
		["a question for a DoH name", ask({ phase: "dns", port: 53, protocol: 17, name: "dns.google" }), "deny"],
		["a hello for a DoH name", ask({ phase: "tls", name: "Mozilla.Cloudflare-DNS.com" }), "deny"],
		["a hello below one", ask({ phase: "tls", name: "abc123.dns.nextdns.io" }), "deny"],
		["an address of a DoH service", ask({ address: "8.8.8.8" }), "deny"],
		["the same over IPv6", ask({ address: "2606:4700:4700::1111", protocol: 17 }), "deny"],
		["plain DNS to the same address", ask({ address: "8.8.8.8", port: 53, protocol: 17 }), "allow"],
		["another name", ask({ phase: "tls", name: "www.google.com" }), "allow"],
		["another port", ask({ port: 8853 }), "allow"],
	])("%s", (_, connection, action) => {
		const decision = evaluate(policy, connection);
		expect(decision.action).toBe(action);
		expect(decision.rule?.name ?? null).toBe(action === "deny" ? "no-doh" : null);
		expect(explain(policy, connection).decision.action).toBe(action);
	});
});

test("an allow rule with the preset allows only DNS", () => {
	const policy = policyOf("{ name: doh, action: allow, to: { preset: encrypted-dns } }");
	const closed = { ...policy, defaults: { ...policy.defaults, connect: "deny", tls: "deny" } } as const;
	const learned = ["dns.google"];
	expect(evaluate(closed, ask({ learned })).action).toBe("allow");
	expect(evaluate(closed, ask({ learned, port: 22 })).action).toBe("deny");
	expect(evaluate(closed, ask({ phase: "tls", learned, name: "dns.google" })).action).toBe("allow");
});

test("limited to phases, each part is in the phases that it can take part in", () => {
	const policy = policyOf("{ name: no-doh, action: alert, phases: [dns], to: { preset: encrypted-dns } }");
	expect(policy.rules.map(({ phases, preset }) => [phases, preset])).toEqual([[["dns"], "encrypted-dns"]]);
});

test("it cannot be combined with other conditions, and a misspelt name is reported with a suggestion", () => {
	expect(mistakes("{ name: a, action: deny, to: { preset: encrypted-dns, ports: 443 } }")).toEqual([
		'p.yaml:6:63: "preset" cannot be combined with "ports", because it replaces all of "to"',
	]);
	expect(mistakes("{ name: a, action: deny, to: { preset: encryptd-dns } }")).toEqual([
		'p.yaml:6:48: "encryptd-dns" is not a value of "preset"; did you mean "encrypted-dns"?; expected encrypted-dns',
	]);
});

test("the shipped values are valid and unique", () => {
	for (const name of DOH_NAMES) expect(parsePattern(name)).toEqual({ pattern: name });
	for (const text of DOH_ADDRESSES) {
		const address = parseAddress(text);
		expect(address && formatAddress(address)).toBe(text);
	}
	expect(new Set([...DOH_NAMES, ...DOH_ADDRESSES]).size).toBe(DOH_NAMES.length + DOH_ADDRESSES.length);
});

test("a connection is recognised by port, name or address", () => {
	const at = (address: string) => () => address;
	expect(encryptedDns(6, at("192.0.2.1"), 853, null)).toBe("dot");
	expect(encryptedDns(17, at("192.0.2.1"), 853, null)).toBe("doq");
	expect(encryptedDns(6, at("192.0.2.1"), 443, "dns.google")).toBe("doh");
	expect(encryptedDns(17, at("192.0.2.1"), 443, "x.cloudflare-dns.com")).toBe("doh");
	expect(encryptedDns(6, at("9.9.9.9"), 443, null)).toBe("doh");
	expect(encryptedDns(6, at("9.9.9.9"), 80, null)).toBeNull();
	expect(encryptedDns(6, at("192.0.2.1"), 443, "notdns.google")).toBeNull();
	expect(encryptedDns(1, at("9.9.9.9"), 0, null)).toBeNull();
});
