import type { Registry } from "prom-client";
import type { SlotBook } from "../enforce/slot-book.ts";
import type { Kernel } from "../native/binding.ts";
import { PHASE, PHASES } from "../native/layout.ts";
import { phaseNames } from "../native/vocabulary.ts";
import { liveCounter, type Sample } from "./live.ts";

export interface RuleMetricsOptions {
	readonly kernel: Pick<Kernel, "sum">;
	readonly slots: SlotBook;
	/** "group/rule" to its action, for the rules in force. */
	readonly actionOf: (key: string) => string | null;
}

/** What each rule has decided: exact, from the kernel's own counters. At most 2,048 rules, in force or removed. */
export function registerRuleMetrics(registry: Registry, { kernel, slots, actionOf }: RuleMetricsOptions): void {
	let sum: BigUint64Array = new BigUint64Array(0);
	liveCounter({
		registry,
		name: "sallyport_rule_decisions_total",
		help: "Decisions by a rule that took effect (allow, deny) or were recorded (alert).",
		labels: ["group", "rule", "phase", "action"],
		*samples() {
			sum = kernel.sum("rules");
			for (const { key, slot, removed } of slots.entries) {
				const action = actionOf(key) ?? "removed";
				for (let phase = 0; phase < PHASES; phase++) {
					const value = slots.count(sum, slot, phase).enforced;
					/* A rule in force is there from the start, in the phase that every connection has; others when they count. */
					if (value > 0 || (removed === null && phase === PHASE.connect))
						yield [{ ...labels(key, phase), action }, value];
				}
			}
		},
	});
	liveCounter({
		registry,
		name: "sallyport_rule_would_deny_total",
		help: "Decisions by a deny rule in mode observe. They were let through.",
		labels: ["group", "rule", "phase"],
		*samples(): Generator<Sample> {
			for (const { key, slot } of slots.entries) {
				for (let phase = 0; phase < PHASES; phase++) {
					const value = slots.count(sum, slot, phase).observed;
					if (value > 0) yield [labels(key, phase), value];
				}
			}
		},
	});
}

/* Group names hold no slash that matters: the first one divides. */
function labels(key: string, phase: number): { group: string; rule: string; phase: string } {
	const at = key.indexOf("/");
	return { group: key.slice(0, at), rule: key.slice(at + 1), phase: phaseNames[phase] ?? "" };
}
