import { describe, expect, test } from "vitest";
import { policy, withFrom, withTo } from "./parsing.ts";

describe("a valid policy", () => {
	test("has safe defaults for missing keys", () => {
		expect(policy("version: 1")).toEqual({
			version: 1,
			mode: "observe",
			nameBinding: "strict",
			defaults: { dns: "allow", connect: "allow", tls: "allow", http: "allow" },
			unread: "deny",
			denyErrno: 13,
			resolvers: [],
			search: [],
			ttl: { floor: 60, grace: 30 },
			rules: [],
			lists: [],
		});
	});

	test("numbers rules by group priority, then by position", () => {
		const { rules } = policy(`version: 1
groups:
  - { name: late, priority: 200, rules: [{ name: a, action: allow }] }
  - { name: usual, rules: [{ name: a, action: deny }, { name: b, action: alert }] }
  - { name: usual2, priority: 100, rules: [{ name: a, action: deny }] }
  - { name: early, priority: -1, rules: [{ name: a, action: allow }] }
`);
		expect(rules.map((rule) => [rule.index, rule.group, rule.name])).toEqual([
			[0, "early", "a"],
			[1, "usual", "a"],
			[2, "usual", "b"],
			[3, "usual2", "a"],
			[4, "late", "a"],
		]);
	});

	test("normalises conditions", () => {
		const text = withTo(
			`cidr: [10.0.0.0/8, "::ffff:192.0.2.0/120", "::ffff:0:0/96", "::1"], ports: [443, "1024-65535", "22"], protocol: [TCP, 17], domain: ["Example.COM.", "**.bücher.example"]`,
		);
		const { to } = policy(text).rules[0]!;
		expect(to.cidr?.[0]).toEqual({
			v4: Uint32Array.of(0x0a000000, 0xc0000200, 0),
			v4Length: Uint8Array.of(8, 24, 0),
			v6: Uint32Array.of(0, 0, 0, 1),
			v6Length: Uint8Array.of(128),
		});
		expect(to.ports).toEqual([
			{ low: 443, high: 443 },
			{ low: 1024, high: 65535 },
			{ low: 22, high: 22 },
		]);
		expect(to.protocol).toEqual([6, 17]);
		expect(to.domain).toEqual([["example.com", "**.xn--bcher-kva.example"]]);
	});

	test("resolves programs and users by the environment", () => {
		const id = "ABCDEF012345".padEnd(64, "0");
		const text = withFrom(
			`exe: /usr/bin/curl, user: [agent, 0, "7"], unit: a.service, container: ["${id}", my-vm, "*"], cgroup: /system.slice/x/`,
		);
		expect(policy(text).rules[0]!.from).toEqual({
			exe: [{ dev: 5, path: "/bin/curl", written: "/usr/bin/curl" }],
			user: [990, 0, 7],
			unit: ["a.service"],
			container: ["abcdef012345", "my-vm", "my\\x2dvm", "*"],
			cgroup: ["system.slice/x"],
		});
	});

	test("accepts durations with units, an errno and resolvers", () => {
		const read = policy(
			`version: 1\nttl: { floor: 5m, grace: "90" }\ndeny_errno: ECONNREFUSED\nresolvers: ["10.0.0.2", "2001:DB8:0:0:0:0:0:1", "::ffff:1.2.3.4"]`,
		);
		expect(read.ttl).toEqual({ floor: 300, grace: 90 });
		expect(read.denyErrno).toBe(111);
		expect(read.resolvers).toEqual(["10.0.0.2", "2001:db8::1", "1.2.3.4"]);
	});

	test("accepts search suffixes with a star in front, and no other star", () => {
		expect(policy('version: 1\nsearch: [Corp.Example., "*.svc.cluster.local"]').search).toEqual([
			"corp.example",
			"*.svc.cluster.local",
		]);
		for (const wrong of ["**.example", "a.*.example", "*.example", "10.0.0.1", "*"])
			expect(() => policy(`version: 1\nsearch: ["${wrong}"]`), wrong).toThrow();
	});

	test("reads lists from files and from the policy itself", () => {
		const read = policy(`version: 1
lists: { nets: { file: nets.txt }, names: { file: names.txt }, own: { items: [a.example, b.example] } }
groups:
  - name: g
    rules:
      - { name: a, action: allow, to: { cidr: ["@nets", 1.1.1.1] } }
      - { name: b, action: allow, to: { cidr: "@nets" } }
      - { name: c, action: allow, to: { domain: ["@names", "@own"] } }
`);
		const [own, nets] = read.rules[0]!.to.cidr!;
		expect([...own!.v4]).toEqual([0x01010101]);
		expect([...nets!.v4]).toEqual([0x0a000000, 0xc0000201]);
		expect([...nets!.v6Length]).toEqual([32]);
		expect(read.rules[1]!.to.cidr![1]).toBe(nets);
		expect(read.rules[2]!.to.domain!.flat()).toEqual([
			"example.com",
			"**.xn--bcher-kva.example",
			"a.example",
			"b.example",
		]);
		expect(read.lists[0]).toEqual({ name: "nets", file: "nets.txt", prefixes: 3, names: 0 });
	});
});
