import { Registry } from "prom-client";
import type { Attachment } from "../enforce/attachment.ts";
import type { NameKeeper } from "../enforce/name-keeper.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import type { SlotBook } from "../enforce/slot-book.ts";
import type { Kernel } from "../native/binding.ts";
import type { HistoryStatus } from "../records/history-status.ts";
import { EncryptedDnsCounts } from "./encrypted-dns-metric.ts";
import { registerHistoryMetrics } from "./history.ts";
import { registerKeptNameMetrics } from "./kept-names.ts";
import { registerKernelMetrics } from "./kernel.ts";
import { MapFills, registerMapMetrics } from "./maps.ts";
import { type OverlayFigures, registerOverlayMetrics } from "./overlay-metrics.ts";
import { type PipelineMetricsOptions, registerPipelineMetrics } from "./pipeline.ts";
import { registerPolicyMetrics } from "./policy-metrics.ts";
import { registerProcessMetrics } from "./process.ts";
import { registerAttachmentMetrics, registerProgramMetrics } from "./programs.ts";
import { registerRuleMetrics } from "./rules.ts";
import { TopNames } from "./top-names.ts";

export interface MetricsOptions extends PipelineMetricsOptions {
	readonly kernel: Pick<Kernel, "sum" | "programs" | "count">;
	readonly policy: Pick<PolicyService, "current" | "generation" | "healthy" | "counts">;
	readonly keeper: Pick<NameKeeper, "kept" | "counts">;
	readonly overlays: OverlayFigures;
	readonly slots: SlotBook;
	/** The action of the rule "group/rule"; null if it is not in force. */
	readonly actionOf: (key: string) => string | null;
	/** Null while there is no history. */
	readonly history: () => HistoryStatus | null;
	readonly attachment: Pick<Attachment, "problem" | "repairs">;
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
	registerAttachmentMetrics(registry, options.attachment);
	const fills = new MapFills(kernel);
	registerMapMetrics(registry, fills);
	registerPolicyMetrics(registry, policy);
	registerOverlayMetrics(registry, options.overlays);
	registerKeptNameMetrics(registry, options.keeper);
	registerPipelineMetrics(registry, options);
	registerHistoryMetrics(registry, history);
	registerProcessMetrics(registry);
	const topNames = options.topNames === 0 ? null : new TopNames(options.topNames);
	topNames?.register(registry);
	const encryptedDns = new EncryptedDnsCounts();
	encryptedDns.register(registry);
	return { registry, topNames, fills, encryptedDns };
}
