import { Registry } from "prom-client";
import type { SlotBook } from "../enforce/slot-book.ts";
import type { Kernel } from "../native/binding.ts";
import type { HistoryStatus } from "../records/contract.ts";
import { EncryptedDnsCounts } from "./encrypted-dns-metric.ts";
import { registerHistoryMetrics } from "./history.ts";
import { registerKernelMetrics } from "./kernel.ts";
import { MapFills, registerMapMetrics } from "./maps.ts";
import { type DaemonMetricsOptions, registerDaemonMetrics } from "./pipeline.ts";
import { registerProcessMetrics } from "./process.ts";
import { registerProgramMetrics } from "./programs.ts";
import { registerRuleMetrics } from "./rules.ts";
import { TopNames } from "./top-names.ts";

export interface MetricsOptions extends DaemonMetricsOptions {
	readonly kernel: Pick<Kernel, "sum" | "programs" | "count">;
	readonly slots: SlotBook;
	readonly actionOf: (key: string) => string | null;
	/** Null while there is no history. */
	readonly history: () => HistoryStatus | null;
	/** Names to follow; 0: none. */
	readonly topNames: number;
}

/** Every metric of the daemon; `topNames` and `encryptedDns` are fed by whoever has the records. */
export function registerMetrics(options: MetricsOptions): {
	readonly registry: Registry;
	readonly topNames: TopNames | null;
	readonly fills: MapFills;
	readonly encryptedDns: EncryptedDnsCounts;
} {
	const registry = new Registry();
	const { kernel, history } = options;
	registerKernelMetrics(registry, kernel);
	registerRuleMetrics(registry, options);
	registerProgramMetrics(registry, kernel);
	const fills = new MapFills(kernel);
	registerMapMetrics(registry, fills);
	registerDaemonMetrics(registry, options);
	registerHistoryMetrics(registry, history);
	registerProcessMetrics(registry);
	const topNames = options.topNames === 0 ? null : new TopNames(options.topNames);
	topNames?.register(registry);
	const encryptedDns = new EncryptedDnsCounts();
	encryptedDns.register(registry);
	return { registry, topNames, fills, encryptedDns };
}
