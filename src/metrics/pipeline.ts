import type { Registry } from "prom-client";
import type { ConnectionTable } from "../connections/connection-table.ts";
import type { Destroyer } from "../enforce/destroyer.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import type { ProcessTable } from "../identity/process-table.ts";
import type { Pump } from "../native/pump.ts";
import { eventNames } from "../native/vocabulary.ts";
import { type LiveOptions, liveCounter, liveGauge, type Sample } from "./live.ts";

export interface DaemonMetricsOptions {
	readonly version: string;
	readonly table: ConnectionTable;
	readonly processes: ProcessTable;
	readonly pump: Pump;
	readonly policy: PolicyService;
	readonly destroyer: Destroyer;
}

/** What the daemon itself counts. */
export function registerDaemonMetrics(registry: Registry, options: DaemonMetricsOptions): void {
	const { version, table, processes, pump, destroyer } = options;
	liveGauge({
		registry,
		name: "sallyport_build_info",
		help: "1, with the version as a label.",
		labels: ["version"],
		samples: () => [[{ version }, 1]],
	});
	registerPolicyMetrics(registry, options.policy);

	liveGauge({
		registry,
		name: "sallyport_connections",
		help: "Records in memory, by state.",
		labels: ["state"],
		samples: () => [
			[{ state: "open" }, table.kept.sizes.live],
			[{ state: "ended" }, table.kept.sizes.finished],
		],
	});
	liveCounter({
		registry,
		name: "sallyport_sockets_destroyed_total",
		help: "Denied sockets that were to be ended, by result.",
		labels: ["result"],
		samples: () => Object.entries(destroyer.counts).map(([result, count]): Sample => [{ result }, count]),
	});
	liveCounter({
		registry,
		name: "sallyport_events_received_total",
		help: "Events that arrived from the ring, by type.",
		labels: ["type"],
		*samples() {
			for (const [index, type] of eventNames.entries())
				if (type !== null) yield [{ type }, pump.counts.byType[index] ?? 0];
		},
	});
	const counts: readonly (readonly [name: string, help: string, read: () => number])[] = [
		[
			"sallyport_connections_dropped_total",
			"Open connections whose record made room for newer ones.",
			() => table.dropped,
		],
		[
			"sallyport_processes_missed_total",
			"Connections of a process whose announcement did not arrive.",
			() => processes.missed,
		],
		["sallyport_events_unreadable_total", "Records of another version or an unknown type.", () => pump.counts.unknown],
		[
			"sallyport_event_failures_total",
			"Batches that were left at an event which could not be handled: a mistake in the daemon.",
			() => pump.failures,
		],
		["sallyport_ring_batches_total", "Batches taken from the ring.", () => pump.batches],
		["sallyport_ring_bytes_total", "Bytes taken from the ring.", () => pump.bytes],
	];
	for (const [name, help, read] of counts) liveCounter({ registry, ...single(name, help, read) });
}

function registerPolicyMetrics(registry: Registry, policy: PolicyService): void {
	liveGauge({
		registry,
		name: "sallyport_policy_info",
		help: "1, with mode and origin of the policy in force as labels.",
		labels: ["mode", "origin"],
		samples: () =>
			policy.current === null ? [] : [[{ mode: policy.current.policy.mode, origin: policy.current.origin }, 1]],
	});
	const facts: readonly (readonly [name: string, help: string, read: () => number])[] = [
		["sallyport_policy_generation", "Number of the policy in force; 0: none.", () => policy.generation],
		["sallyport_policy_rules", "Rules in force.", () => policy.current?.policy.rules.length ?? 0],
		["sallyport_policy_bytes", "Size of the compiled policy.", () => policy.current?.facts.bytes ?? 0],
		[
			"sallyport_policy_loaded_timestamp_seconds",
			"When the policy in force was loaded; 0: by an earlier daemon.",
			() => (policy.current?.loadedAt.getTime() ?? 0) / 1000,
		],
		[
			"sallyport_policy_load_success",
			"1 if the last try to load a policy succeeded, 0 if it was refused.",
			() => (policy.healthy ? 1 : 0),
		],
	];
	for (const [name, help, read] of facts) liveGauge({ registry, ...single(name, help, read) });
	liveCounter({
		registry,
		name: "sallyport_policy_loads_total",
		help: "Tries to load a policy, by result.",
		labels: ["result"],
		samples: () => [
			[{ result: "loaded" }, policy.counts.loaded],
			[{ result: "refused" }, policy.counts.refused],
		],
	});
}

function single(name: string, help: string, read: () => number): Omit<LiveOptions, "registry"> {
	return { name, help, samples: () => [[{}, read()]] };
}
