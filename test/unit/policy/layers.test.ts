/** Overlays in a compiled policy: src/policy/layers.ts, and the ends in src/policy/compile. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../../src/policy/compile/compile.ts";
import { shiftEnds } from "../../../src/policy/compile/ends.ts";
import { type Connection, type Decision, evaluate } from "../../../src/policy/evaluate/evaluate.ts";
import { atTime, layered, type Overlay, overlayOf } from "../../../src/policy/layers.ts";
import type { Policy, Rule } from "../../../src/policy/model.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { connections, layeredPolicies } from "./arbitraries.ts";
import { CompiledPolicy } from "./lookup.ts";
import { worldEnvironment } from "./world.ts";

const RUNS = Number(process.env["RUNS"] ?? 600);
const TIMES = [0, 9, 10, 25, 39, 40, 100];

function compiledAt(policy: Policy, now: number, shift = 0): CompiledPolicy {
	const slots = policy.rules.map((rule) => rule.index);
	const { rows } = compile(policy, { generation: 1, hashKey: [1, 2, 3, 4], slots });
	if (shift !== 0) shiftEnds(rows, shift);
	return new CompiledPolicy(rows, now);
}

/** What docs/overlays.md says: each overlay by itself, without shared rules. */
function asWritten(policy: Policy, overlays: readonly Overlay[], now: number, cgroup: string | null): Policy {
	const isBelow = (path: string, other: string) => path === other || path.startsWith(`${other}/`);
	const inScope = ({ scope }: Overlay, { action, from }: Rule) => {
		if (scope === null) return true;
		if (from.cgroup?.every((each) => !isBelow(each, scope) && !isBelow(scope, each))) return false;
		return cgroup === null ? action !== "allow" : isBelow(cgroup, scope);
	};
	const above = overlays
		.filter(({ end }) => end === null || end > now)
		.toReversed()
		.flatMap((overlay) => overlay.rules.filter((rule) => inScope(overlay, rule)))
		.map((rule) => ({ ...rule, final: false }));
	const final = policy.rules.filter((rule) => rule.final);
	const rules = [...final, ...above, ...policy.rules.filter((rule) => !rule.final)];
	return { ...policy, rules: rules.map((rule, index) => ({ ...rule, index })) };
}

const plain = ({ action, verdict, reason, helloRequired, rule, alert }: Decision) => ({
	...{ action, verdict, reason, helloRequired, rule: rule?.name ?? null, alert: alert?.name ?? null },
});

test("layers decide as each overlay by itself would, at any time", { timeout: 600_000 }, () => {
	let byOverlay = 0;
	let shared = 0;
	fc.assert(
		fc.property(layeredPolicies(), fc.array(connections(), { minLength: 8, maxLength: 12 }), (random, some) => {
			const { overlays } = random;
			const policy = layered(random.policy, overlays);
			if (policy.rules.some(({ leases }) => leases !== null && leases.length > 1)) shared++;
			for (const [at, connection] of some.entries()) {
				const now = TIMES[at % TIMES.length]!;
				const decided = evaluate(atTime(policy, now), connection);
				if (decided.rule?.leases) byOverlay++;
				const cgroup = connection.who.cgroup;
				const written = plain(evaluate(asWritten(random.policy, overlays, now, cgroup), connection));
				/* Every scope may have an unknown client. Several may then deny, and the place of shared rules names one. */
				if (cgroup === null) expect(decided.action).toBe(written.action);
				else expect(plain(decided)).toEqual(written);
			}
		}),
		{ numRuns: RUNS },
	);
	expect(byOverlay).toBeGreaterThan(RUNS / 10);
	expect(shared).toBeGreaterThan(RUNS / 10);
});

test("compiled layers decide as the evaluator, at any time", { timeout: 600_000 }, () => {
	fc.assert(
		fc.property(layeredPolicies(), fc.array(connections(), { minLength: 7, maxLength: 7 }), (random, some) => {
			const policy = layered(random.policy, random.overlays);
			for (const [at, connection] of some.entries()) {
				const now = TIMES[at % TIMES.length]!;
				const said = evaluate(atTime(policy, now), connection);
				const { action, verdict, reason, helloRequired } = said;
				const rule = said.rule?.index ?? null;
				const expected = { action, verdict, reason, helloRequired, rule, alert: said.alert?.index ?? null };
				expect(compiledAt(policy, now).decide(connection)).toEqual(expected);
				expect(compiledAt(policy, now + 7_000, 7_000).decide(connection)).toEqual(expected);
			}
		}),
		{ numRuns: RUNS / 3 },
	);
});

test("layering again replaces the overlays, and without overlays gives the policy", () => {
	fc.assert(
		fc.property(layeredPolicies(), ({ policy, overlays }) => {
			const twice = layered(layered(policy, overlays.slice(0, 2)), overlays);
			expect(twice).toEqual(layered(policy, overlays));
			expect(layered(twice, [])).toEqual(policy);
		}),
		{ numRuns: 200 },
	);
});

function policyOf(...rules: object[]): Policy {
	const parsed = parsePolicy(
		JSON.stringify({ version: 1, groups: [{ name: "g", rules }] }),
		"policy",
		worldEnvironment,
	);
	if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join());
	return parsed.policy;
}

const base: Connection = {
	...{ phase: "connect", address: "10.0.0.1", port: 25, protocol: 6, learned: [], name: null },
	...{ trustedResolver: false, dnsMessage: false, who: { exe: null, uid: 0, cgroup: "a/b" } },
};

function overlay(name: string, action: string, more: Partial<Overlay> = {}): Overlay {
	const { rules } = policyOf({ name: "r", action, to: { ports: 25 } });
	return { name, scope: null, end: null, rules, content: action, ...more };
}

test("an overlay overrules the file, but not its final rules, wherever they stand", () => {
	const deny = { name: "smtp", action: "deny", to: { ports: 25 } };
	const open = layered(policyOf(deny), [overlay("o", "allow")]);
	expect(evaluate(open, base)).toMatchObject({ action: "allow", rule: { group: "@o", name: "r" } });
	const other = { name: "other", action: "allow", to: { ports: 25 } };
	const closed = layered(policyOf(other, { ...deny, final: true }), [overlay("o", "allow")]);
	expect(evaluate(closed, base)).toMatchObject({ action: "deny", rule: { group: "g", name: "smtp" } });
});

test("of two overlays the newer one decides, also if an older one has the same rules as a newer one", () => {
	const none = policyOf({ name: "x", action: "alert" });
	const both = layered(none, [overlay("old", "allow"), overlay("new", "deny")]);
	expect(evaluate(both, base).action).toBe("deny");
	const a = { scope: "a" };
	const three = layered(none, [overlay("1", "allow", a), overlay("2", "deny", a), overlay("3", "allow", a)]);
	expect(evaluate(three, base)).toMatchObject({ action: "allow", rule: { group: "@3" } });
});

test("two hundred scopes of one set of rules take the rules once, and each is named", () => {
	const scopes = Array.from({ length: 200 }, (_, i) =>
		overlay(`run-${i}`, "allow", { scope: `runs/${i}`, end: i + 1 }),
	);
	const policy = layered(policyOf({ name: "x", action: "alert" }), scopes);
	expect(policy.rules).toHaveLength(2);
	const [rule] = policy.rules;
	expect(overlayOf(rule!, "runs/17/below")).toBe("run-17");
	const allowed = (cgroup: string, now: number) =>
		compiledAt(policy, now).decide({ ...base, who: { ...base.who, cgroup } }).rule;
	expect(allowed("runs/17", 17)).toBe(0);
	expect(allowed("runs/17", 18)).toBe(null);
	expect(allowed("runs/170", 18)).toBe(0);
	expect(allowed("runs", 0)).toBe(null);
});

test("a rule's own cgroups are limited to the scope", () => {
	const { rules } = policyOf({ name: "r", action: "allow", from: { cgroup: ["a", "a/b/c", "d"] }, to: { ports: 25 } });
	const none = policyOf({ name: "x", action: "alert" });
	const inScope = layered(none, [overlay("o", "allow", { scope: "a/b", rules })]);
	expect(inScope.rules[0]?.from.cgroup).toEqual(["a/b", "a/b/c"]);
	const elsewhere = layered(none, [overlay("o", "allow", { scope: "e", rules })]);
	expect(elsewhere.rules).toHaveLength(1);
});

test("limits are said", () => {
	const none = policyOf({ name: "x", action: "alert" });
	const many = Array.from({ length: 257 }, (_, i) => overlay(`o${i}`, "allow", { scope: `s/${i}` }));
	expect(() => layered(none, many)).toThrow("257 overlays; the limit is 256");
	const { rules } = policyOf(
		...Array.from({ length: 1023 }, (_, i) => ({ name: `r${i}`, action: "allow", to: { ports: i + 1 } })),
	);
	expect(layered(none, [overlay("o", "allow", { rules })]).rules).toHaveLength(1024);
	expect(() =>
		layered(policyOf({ name: "a", action: "alert" }, { name: "b", action: "alert" }), [
			overlay("o", "allow", { rules }),
		]),
	).toThrow("2 rules of the policy and 1023 of overlays; the limit is 1024 together");
});

test("only a deny rule can be final", () => {
	const text = JSON.stringify({
		version: 1,
		groups: [{ name: "g", rules: [{ name: "r", action: "allow", final: true }] }],
	});
	const parsed = parsePolicy(text, "policy", worldEnvironment);
	expect(parsed).toMatchObject({ ok: false, problems: [{ path: "groups[0].rules[0].final" }] });
});
