/** The rule that a denied record suggests: it is valid, and allows that connection. */
import { expect, test } from "vitest";
import { reasonNames } from "../../../src/native/vocabulary.ts";
import { evaluate } from "../../../src/policy/evaluate/evaluate.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { remedyOf } from "../../../src/records/remedy.ts";
import { environment } from "../policy/parsing.ts";

type Denied = Parameters<typeof remedyOf>[0];
const decision = { verdict: "allow", reason: "rule", group: "g", rule: "r", generation: 1 } as const;
const DENIED: Denied = {
	kind: "connection",
	verdict: "deny",
	phase: "tls",
	reason: "name_missing",
	group: null,
	rule: null,
	decisions: { connect: decision },
	protocol: "tcp",
	remote: "192.0.2.1",
	remotePort: 5432,
	name: "db.example.com",
	process: { exe: "/usr/bin/psql" },
};
const ruleFor = (changes: Partial<Denied>) => remedyOf({ ...DENIED, ...changes })?.rule;

test("a client without a name: by program and port, if connect has bound the address to a name", () => {
	expect(ruleFor({})).toBe(
		"- { name: psql, action: allow, phases: tls, from: { exe: /usr/bin/psql }, to: { ports: 5432, protocol: tcp } }",
	);
	const address = "to: { cidr: 192.0.2.1, ports: 5432, protocol: tcp } }";
	expect(ruleFor({ name: null })).toContain(address);
	expect(ruleFor({ process: null })).toBe(`- { name: port-5432, action: allow, phases: tls, ${address}`);
	const byDefault = { connect: { ...decision, reason: "default", rule: null, group: null } } as const;
	expect(ruleFor({ decisions: byDefault })).toContain(`from: { exe: /usr/bin/psql }, ${address}`);
	expect(ruleFor({ decisions: {}, phase: "tls" })).not.toContain("phases");
});

test("other reasons: by name where a name would be allowed, else by address", () => {
	expect(ruleFor({ reason: "default" })).toBe(
		"- { name: db.example.com, action: allow, to: { domain: db.example.com, ports: 5432, protocol: tcp } }",
	);
	expect(ruleFor({ reason: "default", name: null, remote: "2001:db8::1", phase: "connect" })).toContain(
		'to: { cidr: "2001:db8::1", ports: 5432, protocol: tcp }',
	);
	expect(ruleFor({ reason: "default", kind: "dns", phase: "dns", protocol: "udp", remotePort: 53 })).toBe(
		"- { name: db.example.com, action: allow, to: { domain: db.example.com, ports: 443 } }",
	);
	expect(ruleFor({ reason: "name_expired", phase: "connect" })).toContain("domain: db.example.com");
	expect(ruleFor({ reason: "name_capped" })).toContain("cidr: 192.0.2.1");
	expect(ruleFor({ reason: "rule", rule: "bad", group: "g", name: null, protocol: "icmp" })).toContain(
		"to: { cidr: 192.0.2.1, protocol: icmp }",
	);
	expect(ruleFor({ reason: "unread", phase: "dns" })).toBeNull();
	expect(remedyOf({ ...DENIED, verdict: "allow" })).toBeNull();
});

test.each(reasonNames.filter((name) => name !== null))(
	"the rule for %s is valid, also with hostile texts",
	(reason) => {
		for (const name of [null, "db.example.com", 'x" } #\u202e'])
			for (const exe of [null, '/opt/a b/"x": {', "/usr/bin/psql"])
				for (const phase of ["dns", "connect", "tls", "http"] as const) {
					const remedy = remedyOf({ ...DENIED, reason, name, phase, process: { exe }, rule: "bad", group: "g" });
					expect(remedy?.text).not.toContain("undefined");
					if (remedy?.rule == null || name?.includes('"')) continue;
					const text = `version: 1\ngroups:\n  - name: g\n    rules:\n      ${remedy.rule}\n`;
					expect(parsePolicy(text, "p.yaml", environment), text).toMatchObject({ ok: true });
				}
	},
);

test("the rule for a client without a name makes tls allow it, and no other program", () => {
	const strict =
		"version: 1\nmode: enforce\ndefaults: { connect: deny, tls: deny }\ngroups:\n  - name: g\n    rules:\n";
	const rule = '      - { name: db, action: allow, to: { domain: "db.example.com", ports: 5432 } }\n';
	const verdict = (text: string, path = "/bin/psql") => {
		const parsed = parsePolicy(text, "p.yaml", environment);
		if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
		const who = { exe: { dev: 5, path }, uid: 0, cgroup: "" };
		const base = { address: "192.0.2.1", port: 5432, protocol: 6, who, learned: ["db.example.com"] };
		return evaluate(parsed.policy, { ...base, phase: "tls", name: null } as never).verdict;
	};
	expect(verdict(strict + rule)).toBe("deny");
	expect(verdict(`${strict}${rule}      ${ruleFor({})}\n`)).toBe("allow");
	expect(verdict(`${strict}${rule}      ${ruleFor({})}\n`, "/bin/other")).toBe("deny");
});

test("a denial by an overlay: no rule of the policy helps, but its end does", () => {
	for (const reason of ["rule", "unread"] as const) {
		const remedy = remedyOf({ ...DENIED, reason, group: "@no-mail", rule: "25" });
		expect(remedy?.rule).toBeNull();
		expect(remedy?.text).toContain(
			"Rule 25 of overlay no-mail denies it: `sallyport revoke no-mail` ends the overlay.",
		);
		const shared = remedyOf({ ...DENIED, reason, group: "@shared-1a2b3c4d", rule: "25" });
		expect(shared).toMatchObject({ rule: null, text: expect.stringContaining("`sallyport overlays` lists them") });
	}
});
