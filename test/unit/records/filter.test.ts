import { expect, test } from "vitest";
import { compileFilter, parseTerms } from "../../../src/records/filter.ts";
import { LIST_WORD_NAMES, TERM_WORDS } from "../../../src/records/filter-words.ts";
import { protocolNumber, protocolText } from "../../../src/records/protocols.ts";
import { FilterError } from "../../../src/records/query-errors.ts";
import { describeProcess, filterOf, made } from "../store/fixture.ts";

test.for([
	["address", "10.0.0.0/33"],
	["address", "nowhere"],
	["port", "70000"],
	["port", "9-8"],
	["port", ""],
	["protocol", "sctpx"],
	["protocol", "256"],
	["protocol", "constructor"],
	["verdict", "maybe"],
	["phase", "later"],
	["kind", "question"],
	["open", "yes"],
	["name", ""],
	["name", "."],
	["unit", ""],
	["not-port", "x"],
] as const)("%s=%s is refused with the parameter's name", ([parameter, value]) => {
	const refusal = (() => {
		try {
			return parseTerms({ [parameter]: value });
		} catch (error) {
			return error;
		}
	})();
	expect(refusal).toBeInstanceOf(FilterError);
	expect((refusal as FilterError).parameter).toBe(parameter);
	expect((refusal as FilterError).message).toContain(TERM_WORDS[parameter.replace("not-", "") as "port"].expected);
});

test("terms are plain data: they cross to another thread", () => {
	const words = Object.fromEntries(
		LIST_WORD_NAMES.flatMap((word) => {
			const value = {
				verdict: "deny",
				phase: "tls",
				outcome: "nodata",
				address: "10.0.0.0/8",
				port: "1-9",
				protocol: "udp",
			}[word as "port"];
			return [word, `not-${word}`].map((each) => [each, [value ?? "x*"]] as const);
		}),
	);
	const terms = parseTerms({ ...words, kind: "dns", open: "true" });
	expect(terms).toHaveLength(LIST_WORD_NAMES.length * 2 + 2);
	expect(structuredClone(terms)).toEqual(terms);
});

test("a negation is the complement, also for records that lack the value", () => {
	const bare = made({ id: 1, name: null, unit: null, process: null, rule: null });
	for (const [word, value] of [
		["name", "*"],
		["unit", "*"],
		["process", "curl"],
		["rule", "*"],
	] as const) {
		expect(compileFilter(filterOf({ [word]: value }), describeProcess)(bare), word).toBe(false);
		expect(compileFilter(filterOf({ [`not-${word}`]: value }), describeProcess)(bare), word).toBe(true);
	}
});

test("an alert rule counts for rule and group", () => {
	const connection = made({ id: 1 });
	connection.alert({ group: "watch", name: "odd" });
	const selects = (words: Parameters<typeof filterOf>[0]) =>
		compileFilter(filterOf(words), describeProcess)(connection);
	expect(selects({ rule: "odd" })).toBe(true);
	expect(selects({ group: "w*h" })).toBe(true);
	expect(selects({ "not-rule": "odd" })).toBe(false);
});

test("an open connection is active at any time", () => {
	const open = made({ id: 1_000_000, ended: false });
	const closed = made({ id: 1_000_000 });
	const active = compileFilter({ since: 9_000 }, describeProcess);
	expect([active(open), active(closed)]).toEqual([true, false]);
});

test("protocols have one form as text and as number", () => {
	for (let number = 0; number < 256; number++) expect(protocolNumber(protocolText(number))).toBe(number);
	expect([protocolText(6), protocolText(132), protocolNumber("toString")]).toEqual(["tcp", "132", null]);
});
