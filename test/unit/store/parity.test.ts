/** A filter selects the same records from memory, from the stream and from the file. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileFilter } from "../../../src/records/filter.ts";
import { LIST_WORD_NAMES, SINGLE_WORD_NAMES } from "../../../src/records/filter-words.ts";
import { engine, holds, randomConnections } from "./engine.ts";
import { describeProcess, filterOf, made, scratch, type Words } from "./fixture.ts";

const START = Date.UTC(2026, 0, 31) * 1000;
const RUNS = { numRuns: 200 } as const;

const label = fc.stringMatching(/^[a-c]{1,3}$/);
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const star = fc.constantFrom("*", "a*", "*b", "*a*", "**", "b**c", "*a*b*");
const pattern = fc
	.array(fc.oneof({ weight: 2, arbitrary: label }, star), { minLength: 1, maxLength: 4 })
	.map((labels) => labels.join("."));

/** Values that some records of `randomConnections` have, and some that none has. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
	verdict: ["allow", "deny", "would_deny"],
	phase: ["dns", "connect", "tls"],
	name: ["*host1*", "a.*.example.com", "**.example.org", "*", "**", "*.com", "b.host2.example.com", "A.b.HOST3.*", "x"],
	address: ["10.1.0.7", "10.1.0.0/29", "10.0.0.0/8", "2001:db8::/32", "2001:db8::5", "::/0", "0.0.0.0/0"],
	port: ["443", "80-443", "0-65535", "9"],
	protocol: ["tcp", "udp", "6", "132"],
	outcome: ["answered", "none", "nxdomain", "refused"],
	process: ["curl", "12", "13", "c*", "/usr/bin/node", "wget", "*", "nobody"],
	exe: ["curl", "/usr/*", "node", "*", "sh"],
	unit: ["a.service", "*.service", "*", "c.service"],
	container: ["0123", "0123456789abcdef", "*", "ffff"],
	user: ["root", "1000", "*", "nobody"],
	rule: ["api", "*", "s*", "none"],
	group: ["web", "*", "m*l", "none"],
	kind: ["connection", "dns"],
	open: ["true", "false"],
};

type Entry = readonly [word: string, values: string | readonly string[]];

const entry = fc.constantFrom(...LIST_WORD_NAMES, ...SINGLE_WORD_NAMES).chain((word): fc.Arbitrary<Entry> => {
	const value = fc.constantFrom(...(VALUES[word] ?? []));
	if (word === "kind" || word === "open") return value.map((text): Entry => [word, text]);
	return fc.tuple(fc.constantFrom(word, `not-${word}`), fc.array(value, { minLength: 1, maxLength: 3 }));
});
const words = fc.array(entry, { minLength: 1, maxLength: 3 }).map((entries): Words => Object.fromEntries(entries));

let folder: ReturnType<typeof scratch>;
let file: ReturnType<typeof engine>;
const all = randomConnections(300, 5, START, 2_000_000);
const named = fc
	.sample(name, { numRuns: 300, seed: 13 })
	.map((each, index) => made({ id: START - 1_000_000_000 + index * 1_000, name: each, unit: "named.service" }));

beforeAll(() => {
	folder = scratch();
	file = engine(folder.folder);
	file.write(named);
	file.write(all.slice(0, 200));
	file.seal();
	file.write(all.slice(200));
});
afterAll(() => {
	file[Symbol.dispose]();
	folder[Symbol.dispose]();
});

const everything = [...named, ...all];

function memory(filter: Words): number[] {
	return everything.filter(compileFilter(filterOf(filter), describeProcess)).map(({ id }) => id);
}

function stored(filter: Words): readonly number[] {
	return file.ids(filter);
}

test("every filter word has values here", () => {
	expect(Object.keys(VALUES).sort()).toEqual([...LIST_WORD_NAMES, ...SINGLE_WORD_NAMES].sort());
});

test("random patterns of names", () => {
	fc.assert(
		fc.property(pattern, (text) => {
			for (const filter of [{ name: text }, { "not-name": text, unit: "named.service" }]) {
				const expected = everything.filter((each) => holds(each, filter)).map(({ id }) => id);
				expect(memory(filter), `memory, ${JSON.stringify(filter)}`).toEqual(expected);
				expect(stored(filter), `file, ${JSON.stringify(filter)}`).toEqual(expected);
			}
		}),
		RUNS,
	);
});

test("random filters of one to three words with several values, some negated", () => {
	fc.assert(
		fc.property(words, (filter) => {
			const expected = everything.filter((each) => holds(each, filter)).map(({ id }) => id);
			expect(memory(filter), `memory, ${JSON.stringify(filter)}`).toEqual(expected);
			expect(stored(filter), `file, ${JSON.stringify(filter)}`).toEqual(expected);
		}),
		RUNS,
	);
});

test("random filters with bounds in time", () => {
	const at = fc.integer({ min: START / 1000 - 2_000, max: START / 1000 + 600_000 });
	const bounded = fc.record({ since: at, until: at }, { requiredKeys: [] });
	fc.assert(
		fc.property(words, bounded, (filter, bounds) => {
			const both = { ...filter, ...bounds };
			expect(stored(both), JSON.stringify(both)).toEqual(memory(both));
		}),
		RUNS,
	);
});

test("values as they are shown are filters: a backslash is shown as two", () => {
	using odd = scratch();
	using other = engine(odd.folder);
	const connections = [
		made({ id: START, unit: "dev-disk-by\\x2dlabel.device", name: "a\u0001b.example.com" }),
		made({ id: START + 1, unit: "dev-disk-by-label.device", name: "ab.example.com" }),
	];
	other.write(connections);
	const [shown] = other.query({}, "first").rows;
	expect([shown?.unit, shown?.name]).toEqual(["dev-disk-by\\\\x2dlabel.device", "a\\x01b.example.com"]);
	for (const filter of [
		{ unit: shown?.unit ?? "" },
		{ unit: "dev-disk-by\\x2dlabel.device" },
		{ unit: "*\\\\x2d*" },
		{ name: shown?.name ?? "" },
		{ name: "a\\x01*" },
	]) {
		expect(
			other.query(filter).rows.map(({ id }) => id),
			JSON.stringify(filter),
		).toEqual([START]);
		const matches = compileFilter(filterOf(filter), describeProcess);
		expect(
			connections.filter(matches).map(({ id }) => id),
			JSON.stringify(filter),
		).toEqual([START]);
	}
});
