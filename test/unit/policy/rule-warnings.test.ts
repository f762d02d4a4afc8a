/** Each warning with its position and its mend, and the policies that must have none. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkPolicy } from "../../../src/enforce/build-policy.ts";
import type { Environment } from "../../../src/policy/model.ts";
import { renderWarning } from "../../../src/policy/read/problem.ts";
import { whyNoProgram } from "../../../src/system/program.ts";
import { environment } from "./parsing.ts";

let folder: string;
beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	mkdirSync(join(folder, "folder"));
	writeFileSync(join(folder, "plain"), "x");
	for (const [name, text] of [
		["program", "\x7fELF"],
		["script", "#! /usr/bin/env python3\n"],
	] as const) {
		writeFileSync(join(folder, name), text);
		chmodSync(join(folder, name), 0o755);
	}
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function warnings(text: string): string[] {
	const host: Environment = { ...environment, whyNoProgram };
	const check = checkPolicy(text.replaceAll("FOLDER", folder), "p.yaml", host);
	expect(check).toMatchObject({ ok: true, problems: [] });
	return check.warnings.map((each) => renderWarning(each).replaceAll(folder, "FOLDER"));
}

/** Rules from line 6, column 9. */
const rules = (...lines: string[]) =>
	`version: 1\ndefaults: { connect: deny }\ngroups:\n  - name: g\n    rules:\n${lines.map((line) => `      - ${line}\n`).join("")}`;
const NOTHING =
	"p.yaml:2:7: warning: mode enforce without defaults allows all that no rule denies; write defaults, such as defaults: { connect: deny, tls: deny }";
const never = (line: number, name: string, before: string) =>
	`p.yaml:${line}:9: warning: rule "${name}" is never reached: rule "${before}" of group "g" matches all that it matches, and decides before; move it before that rule, or remove it`;
const enforce = (more: string, rule = "") =>
	`version: 1\nmode: enforce\n${more}groups:\n  - name: g\n    rules:\n${rule === "" ? "      []\n" : `      - ${rule}\n`}`;
const PORT = "{ name: a, action: allow, to: { ports: 443 } }";

test.each([
	["without rules", enforce(""), [NOTHING]],
	["with allow rules", enforce("", PORT), [NOTHING]],
	["only unread is given", enforce("defaults: { unread: deny }\n", PORT), [NOTHING]],
	["a deny list", enforce("", "{ name: d, action: deny, to: { ports: 25 } }"), []],
	["a default", enforce("defaults: { connect: deny }\n", PORT), []],
	["a default that allows, as written", enforce("defaults: { connect: allow }\n", PORT), []],
	["mode observe", enforce("", PORT).replace("enforce", "observe"), []],
])("enforce without defaults: %s", (_, text, expected) => {
	expect(warnings(text)).toEqual(expected);
});

const noTo = (name: string) =>
	`p.yaml:6:9: warning: rule "${name}" has no "to", so it allows every destination; add to, such as to: { cidr: ["0.0.0.0/0", "::/0"] } if that is meant`;
const family = (has: string, missing: string, ip: string, column: number) =>
	`p.yaml:6:${column}: warning: rule "r" has ${has} without ${missing}, so it does not match ${ip}; add "${missing}"`;
const unit = (name: string, column: number) =>
	`p.yaml:6:${column}: warning: "${name}" has no suffix of a unit, so it matches no service; write ${name}.service`;
const withExe = (file: string) => `{ name: r, action: allow, to: { ports: 1 }, from: { exe: FOLDER/${file} } }`;

test.each([
	["an allow without to", "{ name: r, action: allow }", [noTo("r")]],
	["an allow with from only", "{ name: r, action: allow, from: { user: agent } }", [noTo("r")]],
	["a deny without to", "{ name: r, action: deny }", []],
	["an allow to everywhere, as written", '{ name: r, action: allow, to: { cidr: ["0.0.0.0/0", "::/0"] } }', []],
	["IPv4 only", "{ name: r, action: allow, to: { cidr: 0.0.0.0/0 } }", [family("0.0.0.0/0", "::/0", "IPv6", 47)]],
	["IPv6 only", '{ name: r, action: deny, to: { cidr: ["::/0"] } }', [family("::/0", "0.0.0.0/0", "IPv4", 46)]],
	["a unit without suffix", "{ name: r, action: deny, from: { unit: agent } }", [unit("agent", 48)]],
	["one of several units", "{ name: r, action: deny, from: { unit: [a.service, x.y] } }", [unit("x.y", 60)]],
	["units with suffixes", "{ name: r, action: deny, from: { unit: [a.slice, b.scope, c@1.service, d.socket] } }", []],
	["a program", withExe("program"), []],
	["no file", withExe("none"), [expect.stringContaining('/none" does not exist, so it matches no client; install')]],
	["a folder", withExe("folder"), [expect.stringContaining('/folder" is a directory, so it matches no client; write')]],
	["no program", withExe("plain"), [expect.stringContaining('/plain" is not executable, so it matches no client')]],
	["a script", withExe("script"), [expect.stringContaining("is a script, which the kernel executes as /usr/bin/env")]],
])("%s", (_, rule, expected) => {
	expect(warnings(rules(rule))).toEqual(expected);
});

test("the other family in another rule of the same action", () => {
	const both = [
		"{ name: r, action: allow, to: { cidr: 0.0.0.0/0 } }",
		'{ name: s, action: allow, to: { cidr: "::/0" } }',
	];
	expect(warnings(rules(...both))).toEqual([]);
	expect(warnings(rules(both[0]!, both[1]!.replace("allow", "deny"))).length).toBe(2);
});

test("an empty list that a rule names, and one that none names", () => {
	const list = (items: string, name = "@none") =>
		`lists: { none: ${items} }\n${rules(`{ name: r, action: deny, to: { domain: [bad.example, "${name}"] } }`)}`;
	expect(warnings(list("{ items: [] }"))).toEqual([
		'p.yaml:1:25: warning: the list "none" has no entries, so it matches nothing; add entries, or write allow_empty: true',
	]);
	expect(warnings(list("{ items: [], allow_empty: true }"))).toEqual([]);
	expect(warnings(list("{ items: [] }", "x.example"))).toEqual([]);
});

const A = (action: string, more: string, name = "a") => `{ name: ${name}, action: ${action}, ${more} }`;
test.each([
	[
		"all after a deny of everything",
		[A("deny", "to: { cidr: [0.0.0.0/0, '::/0'] }"), A("allow", "to: { cidr: 10.0.0.0/8 }", "b")],
		true,
	],
	[
		"a deny without conditions",
		[A("deny", "phases: [connect]"), A("allow", "phases: [connect], to: { ports: 1 }", "b")],
		true,
	],
	[
		"a prefix within another",
		[A("allow", "to: { cidr: 10.0.0.0/8 }"), A("deny", "to: { cidr: 10.1.0.0/16 }", "b")],
		true,
	],
	[
		"a range within another",
		[A("allow", "to: { ports: '1-100' }"), A("allow", "to: { ports: [5, '7-9'] }", "b")],
		true,
	],
	[
		"a name within a pattern",
		[A("allow", "to: { domain: '**.x.example', ports: 1 }"), A("allow", "to: { domain: a.x.example, ports: 1 }", "b")],
		true,
	],
	[
		"a unit among units",
		[
			A("deny", "from: { unit: [a.service, b.service] }"),
			A("deny", "from: { unit: a.service }, to: { ports: 1 }", "b"),
		],
		true,
	],
	["an alert after a decision", [A("allow", "to: { ports: 1 }"), A("alert", "to: { ports: 1 }", "b")], true],
	["a decision after an alert", [A("alert", "to: { ports: 1 }"), A("deny", "to: { ports: 1 }", "b")], false],
	["a wider prefix", [A("allow", "to: { cidr: 10.1.0.0/16 }"), A("deny", "to: { cidr: 10.0.0.0/8 }", "b")], false],
	[
		"the other family",
		[
			A("deny", "to: { cidr: ['::/0', 0.0.0.0/0], ports: 1 }"),
			A("deny", "to: { ports: 1, cidr: '2001:db8::/32' }", "b"),
		],
		true,
	],
	["another phase", [A("deny", "phases: [connect], to: { ports: 1 }"), A("deny", "to: { ports: 1 }", "b")], false],
	[
		"a deny by name after an allow by name: what is unread",
		[A("allow", "to: { domain: x.example, ports: 1 }"), A("deny", "to: { domain: x.example, ports: 1 }", "b")],
		false,
	],
	[
		"a lookup that the first rule does not decide",
		[A("deny", "to: { ports: 443 }"), A("allow", "to: { domain: x.example, ports: 443 }", "b")],
		false,
	],
])("never reached: %s", (_, [one = "", two = ""], unreached) => {
	const found = warnings(rules(one, two)).filter((text) => text.includes("never reached"));
	expect(found).toEqual(unreached ? [never(7, "b", "a")] : []);
});
