import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../../src/policy/compile/compile.ts";
import { evaluate } from "../../../src/policy/evaluate/evaluate.ts";
import { connections, policies } from "./arbitraries.ts";
import { CompiledPolicy } from "./lookup.ts";

/** A longer run: RUNS=100000 vitest run test/unit/policy/agree.test.ts */
const RUNS = Number(process.env["RUNS"] ?? 1500);

test("compiled rows decide every connection as the reference evaluator does", { timeout: 600_000 }, () => {
	const reasons = new Map<string, number>();
	fc.assert(
		fc.property(policies(), fc.array(connections(), { minLength: 10, maxLength: 20 }), (random, some) => {
			const { policy } = random;
			const rows = compile(policy, {
				generation: 1,
				hashKey: [0x01234567, 0x89abcdef, 0xfedcba98, 0x76543210],
				slots: policy.rules.map((r) => r.index),
			});
			const compiled = new CompiledPolicy(rows.rows);
			for (const connection of some) {
				const said = evaluate(policy, connection);
				const { action, verdict, reason, helloRequired } = said;
				expect(compiled.decide(connection)).toEqual({
					action,
					verdict,
					reason,
					helloRequired,
					rule: said.rule?.index ?? null,
					alert: said.alert?.index ?? null,
				});
				const kind = `${connection.phase} ${verdict} ${reason}${helloRequired ? " hello" : ""}${said.alert ? " alert" : ""}`;
				reasons.set(kind, (reasons.get(kind) ?? 0) + 1);
			}
		}),
		{ numRuns: RUNS },
	);
	if (process.env["RUNS"] !== undefined) console.table([...reasons].toSorted());
	// The random policies must reach every kind of decision.
	for (const kind of [
		"dns allow rule",
		"dns deny rule",
		"dns deny unreadable",
		"dns would_deny default",
		"connect allow rule",
		"connect deny rule",
		"connect allow resolver",
		"connect allow rule hello",
		"tls allow rule",
		"tls deny name_unbound",
		"tls deny name_missing",
		"tls deny name_bad",
		"tls allow default alert",
		"http allow rule",
		"http deny rule",
		"http deny name_unbound",
		"http deny name_bad",
		"http would_deny name_missing",
		"http deny default alert",
	]) {
		expect(reasons.get(kind) ?? 0, kind).toBeGreaterThan(0);
	}
});
