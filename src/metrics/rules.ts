import type { Registry } from "prom-client";
import type { SlotBook } from "../enforce/slot-book.ts";
import type { Kernel } from "../native/binding.ts";
import { PHASE, PHASES } from "../native/layout.ts";
import { phaseNames } from "../native/vocabulary.ts";
import { type Sample, scrapedCounter } from "./scraped-metric.ts";

export interface RuleMetricsOptions {
	readonly kernel: Pick<Kernel, "sum">;
	readonly slots: SlotBook;
	/** The action of the rule "group/rule"; null if it is not in force. */
	readonly actionOf: (key: string) => string | null;
}

/** Decisions of each rule, in force or removed: at most RULE_SLOTS rules. The kernel maintains them, so they are exact. */
export function registerRuleMetrics(registry: Registry, { kernel, slots, actionOf }: RuleMetricsOptions): void {
	const sum = () => kernel.sum("rules");
	scrapedCounter({
		registry,
		name: "sallyport_rule_decisions_total",
		help: "Decisions by a rule. Those of an alert rule are recorded, all others took effect.",
		labels: ["group", "rule", "phase", "action"],
		*samples(scrape) {
			const counts = scrape.once(sum);
			for (const { key, slot, removed } of slots.entries) {
				const action = actionOf(key) ?? "removed";
				for (let phase = 0; phase < PHASES; phase++) {
					const value = slots.count(counts, slot, phase).enforced;
					/* Every connection has phase connect, so a rule in force has this series from the start. The others begin with a decision. */
					if (value > 0 || (removed === null && phase === PHASE.connect))
						yield [{ ...labels(key, phase), action }, value];
				}
			}
		},
	});
	scrapedCounter({
		registry,
		name: "sallyport_rule_would_deny_total",
		help: "Decisions by a deny rule in mode observe.",
		labels: ["group", "rule", "phase"],
		*samples(scrape): Generator<Sample> {
			const counts = scrape.once(sum);
			for (const { key, slot } of slots.entries) {
				for (let phase = 0; phase < PHASES; phase++) {
					const value = slots.count(counts, slot, phase).observed;
					if (value > 0) yield [labels(key, phase), value];
				}
			}
		},
	});
}

/* A group's name has no slash, so the first one ends it. */
function labels(key: string, phase: number): { group: string; rule: string; phase: string } {
	const at = key.indexOf("/");
	return { group: key.slice(0, at), rule: key.slice(at + 1), phase: phaseNames[phase] ?? "" };
}
