import { describe, expect, test } from "vitest";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { environment, problems, withFrom, withRules, withTo } from "./parsing.ts";

describe("an invalid policy is reported with the position", () => {
	test.for([
		["an unknown key", withTo("prot: tcp"), ['p.yaml:5:41: unknown key "prot" in "to"; did you mean "protocol"?']],
		[
			"a wrong action",
			withTo("ports: 1").replace("allow", "alow"),
			['p.yaml:5:28: "alow" is not a value of "action"; did you mean "allow"?; expected allow, deny or alert'],
		],
		["a missing key", withRules("      - { name: r }\n"), ['p.yaml:5:9: missing key "action" in a rule']],
		["no version", "mode: observe\n", ['p.yaml:1:1: missing key "version" in the policy']],
		["another version", "version: 2\n", ['p.yaml:1:10: "version" must be 1, not 2']],
		["host bits", withTo("cidr: 10.0.0.1/8"), ["p.yaml:5:47: 10.0.0.1/8 has host bits set; write 10.0.0.0/8"]],
		[
			"host bits of IPv6",
			withTo('cidr: ["2001:db8::1/32"]'),
			["p.yaml:5:48: 2001:db8::1/32 has host bits set; write 2001:db8::/32"],
		],
		[
			"a bad prefix length",
			withTo("cidr: 10.0.0.0/33"),
			['p.yaml:5:47: "10.0.0.0/33" has an invalid prefix length; IPv4 allows 0 to 32'],
		],
		["no address", withTo("cidr: [010.1.1.1]"), ['p.yaml:5:48: "010.1.1.1" is not an IP address or prefix']],
		["a backward range", withTo('ports: "99-1"'), ["p.yaml:5:48: the range 99-1 is reversed; write 1-99"]],
		[
			"a port too high",
			withTo("ports: [80, 70000]"),
			['p.yaml:5:53: "ports" must be a port such as 443 or "1024-65535", not 70000'],
		],
		[
			"ports without a protocol that has them",
			withTo("ports: 8, protocol: icmp"),
			['p.yaml:5:41: "ports" cannot be combined with icmp; only tcp and udp have ports'],
		],
		["an unknown protocol", withTo("protocol: tpc"), ['p.yaml:5:51: unknown protocol "tpc"; did you mean "tcp"?']],
		[
			"a glued star",
			withTo('domain: "*example.com"'),
			['p.yaml:5:49: "*example.com" has a "*" that is only part of a label; did you mean "*.example.com"?'],
		],
		[
			"an address as domain",
			withTo("domain: 1.2.3.4"),
			['p.yaml:5:49: "1.2.3.4" ends in a number, so it is not a domain; write addresses under "cidr"'],
		],
		...["domain", "cidr"].flatMap((key): [string, string, string[]][] => [
			[
				`an address with a port as ${key}`,
				withTo(`${key}: "127.0.0.1:8080"`),
				[
					`p.yaml:5:${key === "cidr" ? 47 : 49}: "127.0.0.1:8080" is an address and a port; write "cidr: 127.0.0.1" and "ports: 8080"`,
				],
			],
			[
				`an IPv6 address with a port as ${key}`,
				withTo(`${key}: "[::1]:443"`),
				[
					`p.yaml:5:${key === "cidr" ? 47 : 49}: "[::1]:443" is an address and a port; write "cidr: '::1'" and "ports: 443"`,
				],
			],
		]),
		[
			"a name as cidr",
			withTo("cidr: api.example.com"),
			['p.yaml:5:47: "api.example.com" is not an IP address or prefix; write names under "domain"'],
		],
		["an unknown list", withTo('cidr: "@offices"'), ['p.yaml:5:47: there is no list "offices"']],
		["an unknown user", withFrom("user: bob"), ['p.yaml:5:49: there is no user "bob"']],
		["a relative exe", withFrom("exe: curl"), ['p.yaml:5:48: "curl" is not an absolute path']],
		[
			"an id without quotes",
			withFrom("container: 123456789012"),
			[
				'p.yaml:5:54: "container" must be one or a list of container ids or machine names, or "*", not the number 123456789012; put it in quotes',
			],
		],
		[
			"a path of the host as cgroup",
			withFrom("cgroup: /sys/fs/cgroup/a.slice"),
			['p.yaml:5:51: "/sys/fs/cgroup/a.slice" is an absolute path; write it relative to the watched cgroup: "a.slice"'],
		],
		[
			"an empty condition",
			withTo("ports: []"),
			['p.yaml:5:48: "ports" is empty; expected one or a list of ports such as 443 or "1024-65535"'],
		],
		[
			"a phase that does not fit",
			withTo("ports: 1").replace("to:", "phases: dns, to:"),
			['p.yaml:5:43: the rule "r" cannot take part in phase dns: it has no "domain"'],
		],
		[
			"an unknown errno",
			"version: 1\ndeny_errno: EACESS\n",
			[
				'p.yaml:2:13: unknown error "EACESS"; did you mean "EACCES"?; expected one of EPERM, EACCES, ENETDOWN, ENETUNREACH, ECONNABORTED, ECONNRESET, ETIMEDOUT, ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, EADDRNOTAVAIL',
			],
		],
		[
			"a rule twice",
			withRules("      - { name: r, action: deny }\n      - { name: r, action: deny }\n"),
			['p.yaml:6:17: duplicate rule "r" in group "g"'],
		],
		[
			"a group twice",
			"version: 1\ngroups:\n  - { name: g, rules: [] }\n  - { name: g, rules: [] }\n",
			['p.yaml:4:13: duplicate group "g"'],
		],
		["a key twice", "version: 1\nmode: observe\nmode: enforce\n", ['p.yaml:3:1: the key "mode" is a duplicate']],
		[
			"no YAML",
			"version: 1\ngroups: [\n",
			["p.yaml:3:1: YAML: Flow sequence in block collection must be sufficiently indented and end with a ]"],
		],
		["nothing", "# only a comment\n", ["p.yaml:1:1: the policy is empty; it needs at least version: 1"]],
		["a list", "- version: 1\n", ["p.yaml:1:1: the policy must be a mapping that begins with version: 1, not a list"]],
	] as [string, string, string[]][])("%s", ([, text, expected]) => {
		expect(problems(text)).toEqual(expected);
	});

	test("all problems at once, of structure and meaning, in the order of the file", () => {
		const text = `version: 1
mod: enforce
groups:
  - name: g
    rules:
      - { name: a, action: alow, to: { cidr: 10.0.0.1/8 } }
      - { name: b, action: deny, to: { ports: "x" } }
`;
		expect(problems(text).map((line) => line.split(" ")[0])).toEqual([
			"p.yaml:2:1:",
			"p.yaml:6:28:",
			"p.yaml:6:46:",
			"p.yaml:7:47:",
		]);
	});

	test("in a list file, by file and line", () => {
		const text = `version: 1\nlists: { bad: { file: bad.txt }, worse: { file: badnames.txt }, gone: { file: gone.txt } }\n`;
		const rules = `groups:
  - name: g
    rules:
      - { name: a, action: deny, to: { cidr: ["@bad", "@gone"] } }
      - { name: b, action: deny, to: { domain: "@worse" } }
`;
		expect(problems(text + rules)).toEqual([
			'p.yaml:2:79: cannot read the list "gone.txt": ENOENT: no such file',
			"bad.txt:2:3: 10.0.0.1/8 has host bits set; write 10.0.0.0/8",
			'bad.txt:3:1: "999.1.1.1" is not an IP address or prefix',
			'bad.txt:4:1: "2001:db8::/129" has an invalid prefix length; IPv6 allows 0 to 128',
			'badnames.txt:2:1: "*x.example" has a "*" that is only part of a label; did you mean "*.x.example"?',
		]);
	});

	test("with path, expectation and suggestion for programs that read JSON", () => {
		const parsed = parsePolicy(withTo("prot: tcp"), "p.yaml", environment);
		expect(parsed.ok ? [] : parsed.problems).toEqual([
			{
				file: "p.yaml",
				line: 5,
				column: 41,
				path: "groups[0].rules[0].to.prot",
				message: 'unknown key "prot" in "to"; did you mean "protocol"?',
				expected: "one of cidr, ports, protocol, domain, method, path, status, preset",
				suggestion: "protocol",
			},
		]);
	});

	test("1025 rules are refused, 1024 are not", () => {
		const rule = (i: number) => `      - { name: r${i}, action: deny }\n`;
		const rules = (count: number) => withRules(Array.from({ length: count }, (_, i) => rule(i)).join(""));
		expect(problems(rules(1024))).toEqual([]);
		expect(problems(rules(1025))).toEqual(["p.yaml:1029:9: more than 1024 rules; combine similar rules by lists"]);
	});

	test("a pattern of a 65th shape is refused", () => {
		const patterns = Array.from(
			{ length: 64 },
			(_, i) => `"${Array.from({ length: 7 }, (_, bit) => ((i >> bit) & 1 ? "*" : "x")).join(".")}"`,
		);
		expect(problems(withTo(`domain: [${patterns.join(", ")}]`))).toEqual([]);
		expect(problems(withTo(`domain: [${patterns.join(", ")}, x.y]`))[0]).toMatch(
			/^p\.yaml:5:49: "x\.y" exceeds the limit/,
		);
	});
});
