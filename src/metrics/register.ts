import { Registry } from "prom-client";
import type { PolicyService } from "../enforce/policy-service.ts";
import type { SlotBook } from "../enforce/slot-book.ts";
import type { Kernel } from "../native/binding.ts";
import type { HistoryStatus } from "../records/contract.ts";
import { EncryptedDnsCounts } from "./encrypted-dns-metric.ts";
import { registerHistoryMetrics } from "./history.ts";
import { registerKernelMetrics } from "./kernel.ts";
import { MapFills, registerMapMetrics } from "./maps.ts";
import { type PipelineMetricsOptions, registerPipelineMetrics } from "./pipeline.ts";
import { registerPolicyMetrics } from "./policy-metrics.ts";
import { registerProcessMetrics } from "./process.ts";
import { registerProgramMetrics } from "./programs.ts";
import { registerRuleMetrics } from "./rules.ts";
import { TopNames } from "./top-names.ts";

export interface MetricsOptions extends PipelineMetricsOptions {
	readonly kernel: Pick<Kernel, "sum" | "programs" | "count">;
	readonly policy: Pick<PolicyService, "current" | "generation" | "healthy" | "counts">;
	readonly slots: SlotBook;
	/** The action of the rule "group/rule"; null if it is not in force. */
	readonly actionOf: (key: string) => string | null;
	/** Null while there is no history. */
	readonly history: () => HistoryStatus | null;
	/** Number of busy names that are labels; 0: none. */
	readonly topNames: number;
}

/** Registers every metric of the daemon. The caller feeds `topNames` and `encryptedDns` with records. */
export function registerMetrics(options: MetricsOptions): {
	readonly registry: Registry;
	readonly topNames: TopNames | null;
	readonly fills: MapFills;
	readonly encryptedDns: EncryptedDnsCounts;
} {
	const registry = new Registry();
	const { kernel, history, policy } = options;
	registerKernelMetrics(registry, kernel);
	registerRuleMetrics(registry, options);
	registerProgramMetrics(registry, kernel);
	const fills = new MapFills(kernel);
	registerMapMetrics(registry, fills);
	registerPolicyMetrics(registry, policy);
	registerPipelineMetrics(registry, options);
	registerHistoryMetrics(registry, history);
	registerProcessMetrics(registry);
	const topNames = options.topNames === 0 ? null : new TopNames(options.topNames);
	topNames?.register(registry);
	const encryptedDns = new EncryptedDnsCounts();
	encryptedDns.register(registry);
	return { registry, topNames, fills, encryptedDns };
}
