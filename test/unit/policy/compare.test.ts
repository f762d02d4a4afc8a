import { expect, test } from "vitest";
import { comparePolicies } from "../../../src/policy/evaluate/compare.ts";
import type { Environment } from "../../../src/policy/model.ts";
import { policy, type TestPolicy } from "../../support/policies.ts";

const environment: Environment = {
	readList: () => Buffer.from("10.0.0.0/8\n2001:db8::/32\n"),
	uidOf: () => 0,
	exeOf: (path) => [{ dev: 1, path }],
};

function compare(before: TestPolicy | string, after: TestPolicy | string) {
	const side = (each: TestPolicy | string, source: string) => ({
		text: typeof each === "string" ? each : policy(each),
		source,
		environment,
	});
	return comparePolicies(side(before, "a.yaml"), side(after, "b.yaml"));
}

const A = { name: "a", to: { domain: ["x.example", "y.example"], ports: 443 } };
const B = { name: "b", to: { cidr: ["10.0.0.0/8", "2001:db8::/32"] } };
const C = { name: "c", action: "deny" as const, to: { ports: [25] } };

test("policies with equal meaning have no changes, in any order of values", () => {
	const shuffled = { ...A, to: { ports: [443], domain: ["Y.example", "x.example"] } };
	expect(compare({ rules: [A, B] }, { rules: [shuffled, B] })).toMatchObject({ problems: [], changes: [] });
});

test("settings, and rules that are added, removed, changed and moved, with the fewest moves", () => {
	const { changes } = compare(
		{ rules: [A, B, C], mode: "observe" },
		{ rules: [C, A, { ...B, to: { cidr: ["10.0.0.0/8"] } }, { ...C, name: "d" }], defaults: { connect: "allow" } },
	);
	expect(changes.map(({ kind, what }) => `${kind} ${what}`)).toEqual([
		"setting mode",
		"setting defaults.connect",
		"moved test/c",
		"changed test/b",
		"added test/d",
	]);
	expect(changes[3]?.details).toEqual([{ field: "to.cidr", before: "10.0.0.0/8, 2001:db8::/32", after: "10.0.0.0/8" }]);
	expect(compare({ rules: [A, B] }, { rules: [B] }).changes).toMatchObject([
		{
			kind: "removed",
			what: "test/a",
			details: expect.arrayContaining([{ field: "to.ports", before: "443", after: null }]),
		},
	]);
});

test("a policy with problems is not compared", () => {
	const { problems, changes } = compare({ rules: [A] }, "version: 7\n");
	expect(changes).toEqual([]);
	expect(problems.join("\n")).toContain("b.yaml:1:");
});
