import type { RuleNamer } from "../connections/decisions.ts";
import type { CompiledFacts, RuleFacts } from "../policy/compile/compile.ts";
import { overlayGroup, overlayOf } from "../policy/layers.ts";
import type { RuleRef } from "../records/connection.ts";

/** The names of the rules of the last policies, for events that come late. */
export class RuleNames implements RuleNamer {
	readonly #generations = new Map<number, readonly Named[]>();
	readonly #keep: number;

	/** `keep`: generations */
	constructor(keep: number) {
		this.#keep = keep;
	}

	remember(generation: number, { rules }: Pick<CompiledFacts, "rules">): void {
		this.#generations.set(
			generation,
			rules.map(({ group, name, leases }) => ({ ref: { group, name }, shared: isShared(leases) ? leases : null })),
		);
		for (const old of this.#generations.keys()) if (old <= generation - this.#keep) this.#generations.delete(old);
	}

	isShared(generation: number, index: number): boolean {
		return (this.#generations.get(generation)?.[index]?.shared ?? null) !== null;
	}

	ruleOf(generation: number, index: number, cgroup: string | null): RuleRef | null {
		const named = this.#generations.get(generation)?.[index];
		if (named === undefined) return null;
		const { ref, shared } = named;
		const overlay = shared === null || cgroup === null ? null : overlayOf({ leases: shared }, cgroup);
		return overlay === null ? ref : { group: overlayGroup(overlay), name: ref.name };
	}
}

interface Named {
	readonly ref: RuleRef;
	/** Of a rule that several overlays share. */
	readonly shared: RuleFacts["leases"];
}

function isShared(leases: RuleFacts["leases"]): boolean {
	return leases !== null && leases.length > 1;
}
