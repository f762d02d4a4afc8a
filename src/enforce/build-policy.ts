import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { type CompiledFacts, compile, PolicySizeError } from "../policy/compile/compile.ts";
import type { HashKey } from "../policy/compile/hash.ts";
import { factsOf, type PolicyCheck } from "../policy/compile/policy-facts.ts";
import { assignSlots, type SlotEntry, type Slots } from "../policy/compile/slots.ts";
import { layered, type Overlay } from "../policy/layers.ts";
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
	/** The oldest first. */
	readonly overlays: readonly Overlay[];
}

/** Other overlays above a policy that was checked before. */
export type LayerRequest = Omit<BuildRequest, "text" | "forceObserve"> & {
	readonly policy: Policy;
	readonly etag: string;
};

/** A policy that is ready for the kernel, or its problems. */
export type Built =
	| {
			readonly ok: true;
			readonly etag: string;
			readonly policy: Policy;
			readonly warnings: readonly PolicyProblem[];
			/** The array of bpf/wire/policy.h. */
			readonly rows: Uint8Array;
			readonly facts: CompiledFacts;
			readonly slots: Slots;
	  }
	| { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/** Parses, checks and compiles a policy. */
export function buildPolicy(request: BuildRequest, environment: Environment): Built {
	const { text, source, forceObserve } = request;
	const parsed = parsePolicy(text, source, environment);
	if (!parsed.ok) return { ok: false, problems: fewer(parsed.problems, source) };
	const policy: Policy = forceObserve ? { ...parsed.policy, mode: "observe" } : parsed.policy;
	const built = compiled({ ...request, policy, etag: etagOf(text) }, parsed.tooLarge);
	return built.ok ? { ...built, warnings: parsed.warnings } : built;
}

/** Compiles a policy with overlays. */
export function layerPolicy(request: LayerRequest): Built {
	return compiled(request, (message) => wholeFile(request.source, message));
}

/** `tooLarge`: the problem of a policy that does not fit into the kernel. */
function compiled(request: LayerRequest, tooLarge: (message: string) => PolicyProblem): Built {
	const { source, etag, generation, hashKey, overlays } = request;
	try {
		const policy = layered(request.policy, overlays);
		const slots = assignSlots(request.slots, policy.rules.map(ruleKey), generation);
		const { rows, meta } = compile(policy, { generation, hashKey, slots: slots.byRule });
		return { ok: true, etag, policy, warnings: [], rows, facts: meta, slots };
	} catch (error) {
		if (error instanceof PolicySizeError) return { ok: false, problems: [tooLarge(error.message)] };
		return { ok: false, problems: [wholeFile(source, error instanceof Error ? error.message : String(error))] };
	}
}

/* A text of a megabyte can have a million problems, whose report would take a hundred times its size. */
function fewer(problems: readonly PolicyProblem[], source: string): readonly PolicyProblem[] {
	if (problems.length <= PROBLEMS) return problems;
	return [...problems.slice(0, PROBLEMS), wholeFile(source, `${problems.length - PROBLEMS} more problems`)];
}

const PROBLEMS = 1_000;

/** All problems of a policy, or its size. The kernel is not involved. */
export function checkPolicy(text: string, source: string, environment: Environment): PolicyCheck {
	const unused = { forceObserve: false, generation: 1, hashKey: [1, 2, 3, 4], slots: [], overlays: [] } as const;
	const built = buildPolicy({ text, source, ...unused }, environment);
	if (!built.ok) return { ok: false, problems: built.problems, warnings: [], facts: null };
	return { ok: true, problems: [], warnings: built.warnings, facts: factsOf(built.policy, built.facts) };
}

/** The same for a file. A file that cannot be read is a problem, not an error. */
export function checkPolicyFile(file: string, environment: Environment): PolicyCheck {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		return { ok: false, problems: [unreadable(file, error)], warnings: [], facts: null };
	}
	return checkPolicy(text, file, environment);
}

/** A strong entity tag (RFC 9110 section 8.8.1): equal for equal bytes only. */
export function etagOf(text: string): string {
	return `"${createHash("sha256").update(text).digest("hex").slice(0, 32)}"`;
}
