import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type CompiledFacts, compile } from "../policy/compile/compile.ts";
import type { HashKey } from "../policy/compile/hash.ts";
import { factsOf, type PolicyCheck } from "../policy/compile/policy-facts.ts";
import { assignSlots, type SlotEntry, type Slots } from "../policy/compile/slots.ts";
import { type Environment, type Policy, ruleKey } from "../policy/model.ts";
import { parsePolicy } from "../policy/read/parse.ts";
import { type PolicyProblem, unreadable, wholeFile } from "../policy/read/problem.ts";

export interface BuildRequest {
	readonly text: string;
	/** The file name in problems. */
	readonly source: string;
	/** Use mode observe, whatever the policy says. */
	readonly forceObserve: boolean;
	readonly generation: number;
	readonly hashKey: HashKey;
	/** Counter slots of earlier policies. */
	readonly slots: readonly SlotEntry[];
}

/** A policy that is ready for the kernel, or its problems. */
export type Built =
	| {
			readonly ok: true;
			readonly etag: string;
			readonly policy: Policy;
			/** The array of bpf/wire/policy.h. */
			readonly rows: Uint8Array;
			readonly facts: CompiledFacts;
			readonly slots: Slots;
	  }
	| { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/** Parses, checks and compiles a policy. */
export function buildPolicy(request: BuildRequest, environment: Environment): Built {
	const { text, source, forceObserve, generation, hashKey } = request;
	const parsed = parsePolicy(text, source, environment);
	if (!parsed.ok) return parsed;
	const policy: Policy = forceObserve ? { ...parsed.policy, mode: "observe" } : parsed.policy;
	try {
		const slots = assignSlots(request.slots, policy.rules.map(ruleKey), generation);
		const { rows, meta } = compile(policy, { generation, hashKey, slots: slots.byRule });
		return { ok: true, etag: etagOf(text), policy, rows, facts: meta, slots };
	} catch (error) {
		return { ok: false, problems: [wholeFile(source, error instanceof Error ? error.message : String(error))] };
	}
}

/** All problems of a policy, or its size. The kernel is not involved. */
export function checkPolicy(text: string, source: string, environment: Environment): PolicyCheck {
	const unused = { forceObserve: false, generation: 1, hashKey: [1, 2, 3, 4], slots: [] } as const;
	const built = buildPolicy({ text, source, ...unused }, environment);
	if (!built.ok) return { ok: false, problems: built.problems, facts: null };
	return { ok: true, problems: [], facts: factsOf(built.policy, built.facts) };
}

/** The same for a file. A file that cannot be read is a problem, not an error. */
export function checkPolicyFile(file: string, environment: Environment): PolicyCheck {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		return { ok: false, problems: [unreadable(file, error)], facts: null };
	}
	return checkPolicy(text, file, environment);
}

/** A strong entity tag (RFC 9110 section 8.8.1): equal for equal bytes only. */
export function etagOf(text: string): string {
	return `"${createHash("sha256").update(text).digest("hex").slice(0, 32)}"`;
}
