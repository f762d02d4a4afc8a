import type { Registry } from "prom-client";
import type { PolicyInForce } from "../enforce/policy-in-force.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import { scrapedCounter, scrapedGauge } from "./scraped-metric.ts";

/** Facts about the policy in force. Those that this daemon does not know, because an earlier one loaded the policy, have no sample. */
export function registerPolicyMetrics(
	registry: Registry,
	policy: Pick<PolicyService, "current" | "generation" | "healthy" | "counts">,
): void {
	scrapedGauge({
		registry,
		name: "sallyport_policy_generation",
		help: "Number of the policy in force, or 0.",
		samples: () => [[{}, policy.generation]],
	});
	scrapedGauge({
		registry,
		name: "sallyport_policy_info",
		help: "Always 1. Mode and origin of the policy in force are labels.",
		labels: ["mode", "origin"],
		samples: () =>
			policy.current === null ? [] : [[{ mode: policy.current.policy.mode, origin: policy.current.origin }, 1]],
	});
	const facts: readonly (readonly [name: string, help: string, read: (current: PolicyInForce) => number])[] = [
		["sallyport_policy_rules", "Rules in force.", ({ policy: { rules } }) => rules.length],
		["sallyport_policy_bytes", "Size of the compiled policy.", ({ facts: { bytes } }) => bytes],
		[
			"sallyport_policy_loaded_timestamp_seconds",
			"Load time of the policy in force. No sample if an earlier daemon loaded it.",
			({ loadedAt }) => loadedAt.getTime() / 1000,
		],
	];
	for (const [name, help, read] of facts) {
		const samples = () => (policy.current === null ? [] : [[{}, read(policy.current)] as const]);
		scrapedGauge({ registry, name, help, samples });
	}
	scrapedGauge({
		registry,
		name: "sallyport_policy_load_success",
		help: "0 if the last attempt to load a policy was refused, else 1.",
		samples: () => [[{}, policy.healthy ? 1 : 0]],
	});
	scrapedCounter({
		registry,
		name: "sallyport_policy_loads_total",
		help: "Attempts to load a policy.",
		labels: ["result"],
		samples: () => [
			[{ result: "loaded" }, policy.counts.loaded],
			[{ result: "refused" }, policy.counts.refused],
		],
	});
}
