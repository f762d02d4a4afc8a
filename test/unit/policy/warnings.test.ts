/** Warnings: what a valid policy allows and its author may not expect. */
import { expect, test } from "vitest";
import { checkPolicy } from "../../../src/enforce/build-policy.ts";
import { renderWarning } from "../../../src/policy/read/problem.ts";
import { environment } from "./parsing.ts";

function warnings(text: string): string[] {
	const check = checkPolicy(text, "p.yaml", environment);
	expect(check).toMatchObject({ ok: true, problems: [] });
	return check.warnings.map(renderWarning);
}

const rules = (...lines: string[]) =>
	`version: 1\ndefaults: { connect: deny }\ngroups:\n  - name: g\n    rules:\n${lines.map((line) => `      - ${line}\n`).join("")}`;

test("an allow rule with a domain and no ports opens every port, at the position of the domain", () => {
	const text = rules("{ name: any, action: allow, to: { domain: api.example.com } }");
	expect(warnings(text)).toEqual([
		'p.yaml:6:43: warning: rule "any" allows every port of the addresses of api.example.com; add ports, such as ports: 443',
	]);
	const check = checkPolicy(text, "p.yaml", environment);
	expect(check.warnings[0]).toMatchObject({ path: "groups[0].rules[0].to.domain", suggestion: "ports: 443" });
});

test("with a wildcard, whoever owns a name chooses the addresses", () => {
	const to = '{ domain: ["**.user-content.test", "@names"], protocol: tcp }';
	const lists = "lists: { names: { items: [a.example] } }\n";
	expect(warnings(rules(`{ name: any, action: allow, to: ${to} }`) + lists)).toEqual([
		'p.yaml:6:43: warning: rule "any" allows every port of the addresses of **.user-content.test, and whoever owns such a name chooses its addresses; add ports, such as ports: 443',
	]);
});

test("no ports are missing where a rule opens none, or the default opens all", () => {
	const domain = "domain: api.example.com";
	expect(
		warnings(
			rules(
				`{ name: ports, action: allow, to: { ${domain}, ports: 443 } }`,
				`{ name: icmp, action: allow, to: { ${domain}, protocol: icmp } }`,
				`{ name: lookup, action: allow, phases: dns, to: { ${domain} } }`,
				`{ name: hello, action: allow, phases: [dns, tls], to: { ${domain} } }`,
				`{ name: request, action: allow, to: { ${domain}, path: /v1 } }`,
				`{ name: deny, action: deny, to: { ${domain} } }`,
				"{ name: cidr, action: allow, to: { cidr: 192.0.2.1 } }",
				"{ name: preset, action: allow, to: { preset: encrypted-dns } }",
			),
		),
	).toEqual([]);
	const open = rules(`{ name: any, action: allow, to: { ${domain} } }`).replace("connect: deny", "connect: allow");
	expect(warnings(open)).toEqual([]);
	expect(warnings(`${open}      - { name: no-smtp, action: deny, to: { ports: 25 } }\n`).length).toBe(1);
});

test("defaults.unread: allow lets what cannot be read pass deny rules", () => {
	const text = rules('{ name: bad, action: deny, to: { domain: "**.bad.example" } }');
	expect(warnings(text)).toEqual([]);
	expect(warnings(text.replace("connect: deny", "unread: allow"))).toEqual([
		"p.yaml:2:21: warning: deny rules by domain, method or path do not hold for what cannot be read: a client that makes its ClientHello, request or DNS question unreadable evades them; write unread: deny, or leave it out",
	]);
});

test("an invalid policy has errors only", () => {
	const text = rules("{ name: any, action: allow, to: { domain: api.example.com, prots: 1 } }");
	const { ok, problems, warnings: also } = checkPolicy(text, "p.yaml", environment);
	expect([ok, problems.length, also]).toEqual([false, 1, []]);
});
