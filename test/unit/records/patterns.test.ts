import fc from "fast-check";
import { expect, test } from "vitest";
import { namePattern, reversedName, textPattern } from "../../../src/records/patterns.ts";
import { nameRegExp } from "../store/engine.ts";

test.for([
	["example.com", ["example.com"], ["a.example.com", "example.org"]],
	["EXAMPLE.com.", ["example.com"], []],
	["*.example.com", ["a.example.com"], ["example.com", "a.b.example.com", "aexample.com"]],
	["**.example.com", ["a.example.com", "a.b.example.com"], ["example.com", "aexample.com"]],
	["a.*.com", ["a.b.com"], ["a.b.c.com", "a.com"]],
	["**.*.com", ["a.b.com", "x.a.b.com"], ["b.com"]],
	["*", ["a", "a.b"], []],
	["**", ["a", "a.b"], []],
	["*amazon*", ["x.amazonaws.com", "amazon.de"], ["ama.zon"]],
	["*amazon*.com", ["x.amazonaws.com", "amazon.eu.com"], ["amazon.de"]],
	["api*", ["api", "api.example.com", "api-1.example.com"], ["x.api"]],
	["api-*.example.com", ["api-1.example.com", "api-1.x.example.com"], ["api.example.com"]],
	["*.a*.com", ["x.ab.com", "x.ab.c.com"], ["ab.com", "x.y.ab.com"]],
] as const)("the pattern %s", ([pattern, matching, others]) => {
	const { matches, all, reversedPrefix } = namePattern(pattern);
	for (const name of matching) {
		expect(matches(name), name).toBe(true);
		expect(reversedName(name).startsWith(reversedPrefix), name).toBe(true);
	}
	for (const name of others) expect(matches(name), name).toBe(false);
	expect(all).toBe(/^\*+$/.test(pattern));
});

const label = fc.stringMatching(/^[ab]{1,3}$/);
const names = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join("."));
const patterns = fc
	.array(fc.oneof(label, fc.stringMatching(/^[ab*]{1,4}$/), fc.constantFrom("*", "**")), { minLength: 1, maxLength: 5 })
	.map((labels) => labels.join("."));

test("a name pattern matches as the regular expression of its description does", () => {
	fc.assert(
		fc.property(patterns, names, (pattern, name) => {
			const { matches, reversedPrefix } = namePattern(pattern);
			expect(matches(name), `${pattern} ${name}`).toBe(nameRegExp(pattern).test(name));
			if (matches(name)) expect(reversedName(name).startsWith(reversedPrefix), `${pattern} ${name}`).toBe(true);
		}),
		{ numRuns: 5_000 },
	);
});

test("a text pattern matches as its regular expression does", () => {
	fc.assert(
		fc.property(fc.stringMatching(/^[ab.*]{0,8}$/), fc.stringMatching(/^[ab.]{0,12}$/), (pattern, text) => {
			const expression = new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll(/\*+/g, ".*")}$`);
			expect(textPattern(pattern)(text), `${pattern} ${text}`).toBe(expression.test(text));
		}),
		{ numRuns: 5_000 },
	);
});

test("a hostile pattern costs time in proportion to its length and the name's", () => {
	const { matches } = namePattern(`${"*a".repeat(250)}*c`);
	const began = performance.now();
	for (let run = 0; run < 100; run++) expect(matches("a".repeat(253))).toBe(false);
	expect(performance.now() - began).toBeLessThan(1_000);
});
