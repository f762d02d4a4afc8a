import type { Registry } from "prom-client";
import type { ConnectionTable } from "../connections/connection-table.ts";
import type { Destroyer } from "../enforce/destroyer.ts";
import type { ProcessTable } from "../identity/process-table.ts";
import type { Pump } from "../native/pump.ts";
import { eventNames, outcomeNames } from "../native/vocabulary.ts";
import { type Sample, scrapedCounter, scrapedGauge } from "./scraped-metric.ts";

export interface PipelineMetricsOptions {
	readonly version: string;
	readonly table: Pick<ConnectionTable, "kept" | "dropped" | "questions" | "repeats">;
	readonly processes: Pick<ProcessTable, "missed">;
	readonly pump: Pick<Pump, "counts" | "batches" | "bytes" | "failures">;
	readonly destroyer: Pick<Destroyer, "counts">;
}

/** Counters of the daemon, from the ring buffer to the records in memory. */
export function registerPipelineMetrics(registry: Registry, options: PipelineMetricsOptions): void {
	const { version, table, processes, pump, destroyer } = options;
	scrapedGauge({
		registry,
		name: "sallyport_build_info",
		help: "Always 1. The version is a label.",
		labels: ["version"],
		samples: () => [[{ version }, 1]],
	});
	scrapedGauge({
		registry,
		name: "sallyport_connections",
		help: "Connections in memory. DNS queries are counted apart.",
		labels: ["state"],
		samples: () => [
			[{ state: "open" }, table.kept.sizes.live],
			[{ state: "ended" }, table.kept.sizes.finished],
		],
	});
	scrapedGauge({
		registry,
		name: "sallyport_dns_queries",
		help: "DNS queries in memory.",
		samples: () => [[{}, table.kept.sizes.questions]],
	});
	scrapedCounter({
		registry,
		name: "sallyport_dns_outcomes_total",
		help: "DNS queries that were sent, by how they ended. One without a response is counted after 30 s.",
		labels: ["outcome"],
		*samples() {
			const counts = table.questions.outcomes(Date.now());
			for (const [index, outcome] of outcomeNames.entries())
				if (outcome !== null) yield [{ outcome }, counts[index] ?? 0];
		},
	});
	scrapedCounter({
		registry,
		name: "sallyport_sockets_destroyed_total",
		help: "Attempts to close denied sockets.",
		labels: ["result"],
		samples: () => Object.entries(destroyer.counts).map(([result, count]): Sample => [{ result }, count]),
	});
	scrapedCounter({
		registry,
		name: "sallyport_events_received_total",
		help: "Events that arrived in the daemon.",
		labels: ["type"],
		*samples() {
			for (const [index, type] of eventNames.entries())
				if (type !== null) yield [{ type }, pump.counts.byType[index] ?? 0];
		},
	});
	const counts: readonly (readonly [name: string, help: string, read: () => number])[] = [
		["sallyport_connections_dropped_total", "Open connections that were evicted for newer ones.", () => table.dropped],
		[
			"sallyport_denials_repeated_total",
			"Denials that were counted in the record of an earlier one of the same kind.",
			() => table.repeats.counted,
		],
		["sallyport_processes_missed_total", "Connections whose process was not announced.", () => processes.missed],
		["sallyport_events_unreadable_total", "Events of an unknown version or type.", () => pump.counts.unknown],
		["sallyport_event_failures_total", "Batches abandoned because of a bug in the daemon.", () => pump.failures],
		["sallyport_ring_batches_total", "Batches read from the ring buffer.", () => pump.batches],
		["sallyport_ring_bytes_total", "Bytes read from the ring buffer.", () => pump.bytes],
	];
	for (const [name, help, read] of counts) scrapedCounter({ registry, name, help, samples: () => [[{}, read()]] });
}
