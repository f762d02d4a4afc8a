/** Random policies at, just below and just above each limit, for property tests here and in test/e2e. */
import * as fc from "fast-check";
import { PATH_STATES, RULES_MAX, SHAPES_MAX } from "../../../src/native/layout.ts";

/** Limits of the lists of a policy: resolvers, search. */
export const ENTRIES_MAX = 48;

type Rule = Record<string, unknown>;
type Parts = { readonly rules: Rule[]; readonly more?: Record<string, unknown> };

/** A policy as JSON, which is valid YAML. */
export const nearLimits: fc.Arbitrary<string> = fc
	.record({
		mode: fc.constantFrom("observe", "enforce"),
		parts: fc.array(
			fc.oneof(...[rules(), presets(), shapes(), paths(), resolvers(), search(), lists(), froms(), ttl()]),
			{
				minLength: 1,
				maxLength: 3,
			},
		),
	})
	.map(({ mode, parts }) => {
		const groups = parts.map((part, g) => ({
			name: `g${g}`,
			rules: part.rules.map((rule, r) => ({ name: `r${r}`, action: "allow", ...rule })),
		}));
		return JSON.stringify({ version: 1, mode, ...Object.assign({}, ...parts.map(({ more }) => more)), groups });
	});

/** Counts around a limit; the limit itself and its neighbours are frequent. */
function around(limit: number): fc.Arbitrary<number> {
	return fc.oneof(
		fc.constantFrom(limit - 1, limit, limit + 1),
		fc.integer({ min: Math.max(0, limit - 6), max: limit + 6 }),
		fc.integer({ min: 0, max: 2 * limit }),
	);
}

const count = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, index) => make(index));

function rules(): fc.Arbitrary<Parts> {
	return around(RULES_MAX).map((n) => ({ rules: count(n, (at) => ({ to: { ports: 1 + at } })) }));
}

/* A preset counts as three rules. */
function presets(): fc.Arbitrary<Parts> {
	return around(Math.floor(RULES_MAX / 3)).map((n) => ({
		rules: count(n, () => ({ action: "deny", to: { preset: "encrypted-dns" } })),
	}));
}

function shapes(): fc.Arbitrary<Parts> {
	return around(SHAPES_MAX).map((n) => ({ rules: [{ to: { domain: count(n, patternOf), ports: 443 } }] }));
}

/* Distinct numbers of labels, and positions of "*". */
function patternOf(index: number): string {
	const labels = 3 + (index % 14);
	const star = Math.floor(index / 14);
	return count(labels, (at) => (at === star % (labels - 2) ? "*" : `l${at}`)).join(".");
}

function paths(): fc.Arbitrary<Parts> {
	return fc.tuple(around(PATH_STATES), fc.integer({ min: 3, max: 300 })).map(([total, each]) => {
		const lengths: number[] = [];
		for (let left = total; left > 0; left -= each + 1) lengths.push(Math.min(each, left - 1));
		const path = lengths.filter((length) => length > 2).map((length, at) => `/${at}`.padEnd(length, "x"));
		return { rules: path.length === 0 ? [] : [{ to: { path } }] };
	});
}

function resolvers(): fc.Arbitrary<Parts> {
	const address = fc.constantFrom(
		(at: number) => `198.51.${at >> 8}.${at & 255}`,
		(at: number) => `2001:db8::${at.toString(16)}`,
	);
	return fc.tuple(around(ENTRIES_MAX), address).map(([n, of]) => ({ rules: [], more: { resolvers: count(n, of) } }));
}

function search(): fc.Arbitrary<Parts> {
	return around(ENTRIES_MAX).map((n) => ({ rules: [], more: { search: count(n, (at) => `s${at}.example`) } }));
}

/* Adjacent prefixes become one interval; those with a gap do not. */
function lists(): fc.Arbitrary<Parts> {
	return fc.tuple(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 64 })).map(([n, gap]) => ({
		rules: count(20, (at) => ({ to: { cidr: "@many", ports: 1 + at } })),
		more: {
			lists: {
				many: {
					items: count(n, (at) => `${11 + ((at * gap) >> 16)}.${((at * gap) >> 8) & 255}.${(at * gap) & 255}.1`),
				},
			},
		},
	}));
}

function froms(): fc.Arbitrary<Parts> {
	const text = (length: number) => "u".repeat(length);
	return fc.tuple(around(255), around(256), around(16), around(31)).map(([unit, cgroup, depth, exe]) => ({
		rules: [
			{ from: { unit: text(unit) }, to: { ports: 1 } },
			{ from: { cgroup: count(depth, () => "c").join("/") || "c" }, to: { ports: 2 } },
			{ from: { cgroup: text(Math.max(1, cgroup)) }, to: { ports: 3 } },
			{ from: { exe: `/${count(exe, () => "e").join("/") || "e"}` }, to: { ports: 4 } },
			{ to: { method: text(1 + (exe % 20)).toUpperCase(), path: "/" } },
		],
	}));
}

function ttl(): fc.Arbitrary<Parts> {
	const time = fc.oneof(
		around(604_800),
		around(7).map((days) => `${days}d`),
		fc.constantFrom("99999d", "4294967296", "999999999d"),
	);
	return fc.record({ floor: time, grace: time }).map((times) => ({ rules: [], more: { ttl: times } }));
}
