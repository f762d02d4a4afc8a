/** List files that are empty or shrunken, as after a download that failed or was cut. */
import { expect, test } from "vitest";
import type { Environment, ListFacts } from "../../../src/policy/model.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { renderProblem } from "../../../src/policy/read/problem.ts";
import { environment } from "./parsing.ts";

const text = (condition: string, more = "") =>
	`version: 1\nlists:\n  bad: { file: bad.txt${more} }\ngroups: [{ name: g, rules: [{ name: r, action: deny, to: { ${condition}: "@bad" } }] }]\n`;

function problems(policy: string, contents: string, before?: Partial<ListFacts>): string[] {
	const facts = { name: "bad", file: "bad.txt", prefixes: 0, names: 0, ...before };
	const given: Environment = {
		...environment,
		readList: () => Buffer.from(contents),
		listBefore: (name, file) => (before !== undefined && name === "bad" && file === "bad.txt" ? facts : undefined),
	};
	const parsed = parsePolicy(policy, "p.yaml", given);
	return parsed.ok ? [] : parsed.problems.map(renderProblem);
}

const nets = (count: number) => Array.from({ length: count }, (_, at) => `10.${at >> 8}.${at & 255}.0/24\n`).join("");
const names = (count: number) => Array.from({ length: count }, (_, at) => `n${at}.example\n`).join("");
const EMPTY =
	'p.yaml:3:16: the list "bad.txt" has no entries, as after a failed download; write allow_empty: true beside "file" if it may be empty';
const shrunk = (entries: string, before: number) =>
	`p.yaml:3:16: the list "bad.txt" has ${entries}, and ${before} of it are in force, as after a cut download; write allow_shrink: true beside "file" if that is right`;

test.each([
	["no byte", ""],
	["a byte order mark", "\ufeff"],
	["blank lines and comments", "\n  \n# a list\n\r\n"],
])("a file of %s", (_, contents) => {
	for (const condition of ["cidr", "domain"]) {
		expect(problems(text(condition), contents)).toEqual([EMPTY]);
		expect(problems(text(condition, ", allow_empty: true"), contents, { prefixes: 9, names: 9 })).toEqual([]);
		expect(problems(text(condition, ", allow_shrink: true"), contents)).toEqual([EMPTY]);
	}
});

test.each([
	["cidr", "prefixes", nets],
	["domain", "names", names],
] as const)("fewer than half of the entries in force, in %s", (condition, kind, make) => {
	expect(problems(text(condition), make(50), { [kind]: 100 })).toEqual([]);
	expect(problems(text(condition), make(49), { [kind]: 100 })).toEqual([shrunk("49 entries", 100)]);
	expect(problems(text(condition), make(1), { [kind]: 3 })).toEqual([shrunk("1 entry", 3)]);
	expect(problems(text(condition, ", allow_shrink: true"), make(1), { [kind]: 100 })).toEqual([]);
	expect(problems(text(condition), make(1))).toEqual([]);
});

test("a file with mistakes only has these problems, and not that it is empty", () => {
	expect(problems(text("cidr"), "<html>\n")).toEqual(['bad.txt:1:1: "<html>" is not an IP address or prefix']);
});

test("a list has either a file or items", () => {
	const lists = (list: string) => problems(`version: 1\nlists: { bad: ${list} }\n`, "");
	const either = 'p.yaml:2:10: "bad" must have either file or items';
	expect(lists("{}")).toEqual([either]);
	expect(lists("{ allow_empty: true }")).toEqual([either]);
	expect(lists("{ file: a, items: [] }")).toEqual([either]);
	expect(lists("{ items: [] }")).toEqual([]);
	expect(lists("{ items: [], allow_shrink: 1 }")[0]).toContain('"allow_shrink" must be true or false');
});
