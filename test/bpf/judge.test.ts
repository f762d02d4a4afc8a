/** The loaded programs decide random policies and connections as the reference evaluator does. */
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Kernel } from "../../src/native/binding.ts";
import { compile } from "../../src/policy/compile/compile.ts";
import { type Connection, type Decision, evaluate } from "../../src/policy/evaluate/evaluate.ts";
import { atTime, layered } from "../../src/policy/layers.ts";
import type { Policy } from "../../src/policy/model.ts";
import { bootTime } from "../../src/system/boot.ts";
import { Scratch } from "../native/scratch.ts";
import { Judge, type Judged } from "../support/judge.ts";
import { connections, layeredPolicies, pathPolicies, policies, type RandomPolicy } from "../unit/policy/arbitraries.ts";

const HASH_KEY = [0x01234567, 0x89abcdef, 0xfedcba98, 0x76543210] as const;
const SLOTS = Array.from({ length: 1024 }, (_, index) => index);
const POLICIES = 300;
const CONNECTIONS = 12;

let scratch: Scratch;
let kernel: Kernel;
let judge: Judge;
let generation = 0;

beforeAll(() => {
	scratch = new Scratch();
	kernel = scratch.load({ detached: true });
	judge = new Judge(kernel, HASH_KEY);
});

afterAll(() => scratch.close());

/** Reasons that the hooks give to a denial by default because they know the packet. `judge` has only the decision. */
const REFINED: readonly string[] = ["name_missing", "name_bad", "unreadable", "unread"];

function unrefined(judged: Omit<Judged, "durationNs">): Omit<Judged, "durationNs"> {
	return judged.rule === null && REFINED.includes(judged.reason) ? { ...judged, reason: "default" } : judged;
}

function expected({ action, verdict, rule, alert, reason }: Decision): Omit<Judged, "durationNs"> {
	return unrefined({ action, verdict, rule: rule?.index ?? null, alert: alert?.index ?? null, reason });
}

function agree(
	random: fc.Arbitrary<RandomPolicy>,
	some: fc.Arbitrary<Connection>,
	most: number,
	inForce = (policy: Policy): Policy => policy,
): void {
	fc.assert(
		fc.property(random, fc.array(some, { minLength: most, maxLength: most }), ({ policy }, asked) => {
			generation++;
			kernel.installPolicy(compile(policy, { generation, hashKey: HASH_KEY, slots: SLOTS }).rows, generation);
			const said = inForce(policy);
			for (const connection of asked) {
				const { durationNs: _, ...judged } = judge.ask(connection);
				expect(unrefined(judged)).toEqual(expected(evaluate(said, connection)));
			}
		}),
		{ numRuns: POLICIES },
	);
}

for (const most of [4, 12, 200]) {
	test(`policies of up to ${most} rules decide in the kernel as in the evaluator`, () => {
		agree(policies(most), connections(), CONNECTIONS);
	});
}

for (const most of [2, 12]) {
	test(`${most} rules with paths match requests in the kernel as in the evaluator`, () => {
		agree(pathPolicies(most), connections("http"), 3 * CONNECTIONS);
	});
}

test("overlays end in the kernel as in the evaluator", () => {
	const now = bootTime();
	/* Ends of 10 and 20 ms have passed by minutes, those of 30 and 40 ms come in minutes. */
	const random = layeredPolicies().map(({ policy, overlays }) => {
		const some = overlays.map((each) => ({ ...each, end: each.end === null ? null : now + (each.end - 25) * 60_000 }));
		return { text: "", policy: layered(policy, some) };
	});
	let ended = 0;
	agree(random, connections(), CONNECTIONS, (policy) => {
		if (policy.rules.some(({ leases }) => leases?.some(({ end }) => end !== null && end < now))) ended++;
		return atTime(policy, now);
	});
	expect(ended).toBeGreaterThan(POLICIES / 4);
});
