/** YAML that is made to harm its reader: deep nesting, and bytes that warnings of the library would print. */
import { expect, test, vi } from "vitest";
import { MOST_LEVELS } from "../../../src/policy/read/nesting.ts";
import { policy, problems } from "./parsing.ts";

const MANY = 5_000;
const TOO_DEEP = `YAML: more than ${MOST_LEVELS} levels of nesting; remove levels`;
const nested = (open: string, inner: string, close: string, count = MANY) =>
	open.repeat(count) + inner + close.repeat(count);

test.each([
	["flow lists", nested("[", "", "]"), "1:102"],
	["flow lists that do not end", "[".repeat(MANY), "1:102"],
	["flow maps", nested("{a: ", "1", "}"), "1:402"],
	["tagged lists", nested("!x [", "", "]"), "1:408"],
	["tagged maps", nested("!x {a: ", "1", "}"), "1:705"],
	["tagged and anchored lists", nested("!x &a [", "", "]"), "1:714"],
	["lists in one line", `${"- ".repeat(MANY)}1`, "1:203"],
	["complex keys", `${"? ".repeat(MANY)}1`, "1:203"],
	[
		"tagged lists in one line",
		`- !x\n${Array.from({ length: 300 }, (_, at) => `${" ".repeat(at + 1)}- !x\n`).join("")}`,
		null,
	],
	["maps by indentation", Array.from({ length: 300 }, (_, at) => `${" ".repeat(at)}a:\n`).join(""), "101:101"],
	["below a key of a policy", `version: 1\ngroups: ${nested("[", "", "]")}`, null],
	["in a second document", `version: 1\n---\n${nested("[", "", "]")}`, "3:102"],
])("%s that are nested too deeply are one problem with its place", (_what, text, place) => {
	const found = problems(text);
	expect(found).toHaveLength(1);
	expect(found[0]).toMatch(/^p\.yaml:\d+:\d+: /);
	if (place !== null) expect(found[0]).toBe(`p.yaml:${place}: ${TOO_DEEP}`);
	expect(found[0]).toContain(TOO_DEEP);
});

test("aliases that are nested in each other, or in themselves, are refused", () => {
	const chain = Array.from({ length: 900 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}]\n`).join("");
	/* The library counts what aliases expand to, and may refuse it first. */
	expect(problems(`a0: &a0 [x]\n${chain}`)).toEqual([
		expect.stringMatching(/^p\.yaml:1:1: YAML: (more than \d+ levels|Excessive alias count)/),
	]);
	expect(problems("version: &a [*a]\n")).toEqual([`p.yaml:1:1: ${TOO_DEEP}`]);
});

test("as many levels as are allowed are read, and a policy is far from them", () => {
	const text = nested("[", "1", "]", MOST_LEVELS);
	expect(problems(text)).toEqual([expect.stringContaining("the policy must be a mapping")]);
	expect(policy("version: 1\n# [[[[\nmode: enforce\n").mode).toBe("enforce");
	expect(policy(`version: 1\n# ${"[".repeat(MANY)}\n`).mode).toBe("observe");
});

test.each([
	["an unknown directive", "%FOO \u001b[2J bar\n---\nversion: 1\n"],
	["a version of YAML", "%YAML 9.9 \u0007\n---\nversion: 1\n"],
	["an unknown tag", "version: !\u001b[2Jx 1\n"],
	["a tag of the library", "version: !!float \u001b[2J\n"],
	["a key that is a map", '? { "\\a": 1 }\n: 2\n'],
	["a key that is a list", "? [ \u001b[2J ]\n: 2\n"],
	["a control character", "\u0000\u001b]0;x\u0007: 1\n"],
])("%s is a problem, and the library prints nothing of it", (_what, text) => {
	const written: unknown[] = [];
	const spies = [
		vi.spyOn(process, "emitWarning").mockImplementation((...args: unknown[]) => void written.push(args)),
		...(["warn", "error", "log", "info", "debug"] as const).map((name) =>
			vi.spyOn(console, name).mockImplementation((...args) => void written.push(args)),
		),
	];
	try {
		expect(problems(text).length).toBeGreaterThan(0);
		expect(written).toEqual([]);
	} finally {
		for (const spy of spies) spy.mockRestore();
	}
});
