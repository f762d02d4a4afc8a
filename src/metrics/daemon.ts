import { Counter, Gauge, type Registry } from "prom-client";
import type { ConnectionTable } from "../connections/table.ts";
import type { Destroyer } from "../enforce/destroyer.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import type { ProcessTable } from "../identity/process-table.ts";
import { eventNames } from "../native/layout.ts";
import type { Pump } from "../pump.ts";

export interface DaemonMetricsOptions {
	readonly version: string;
	readonly table: ConnectionTable;
	readonly processes: ProcessTable;
	readonly pump: Pump;
	readonly policy: PolicyService;
	readonly destroyer: Destroyer;
}

/** What the daemon itself counts. */
export function registerDaemonMetrics(
	registry: Registry,
	{ version, table, processes, pump, policy, destroyer }: DaemonMetricsOptions,
): void {
	gauge(registry, "sallyport_build_info", "1, with the version as a label.", ["version"], (metric) =>
		metric.set({ version }, 1),
	);

	gauge(registry, "sallyport_policy_generation", "Number of the policy in force; 0: none.", [], (metric) =>
		metric.set(policy.generation),
	);
	gauge(
		registry,
		"sallyport_policy_info",
		"1, with mode and origin of the policy in force as labels.",
		["mode", "origin"],
		(metric) => {
			if (policy.current !== null) metric.set({ mode: policy.current.policy.mode, origin: policy.current.origin }, 1);
		},
	);
	gauge(registry, "sallyport_policy_rules", "Rules in force.", [], (metric) =>
		metric.set(policy.current?.policy.rules.length ?? 0),
	);
	gauge(registry, "sallyport_policy_bytes", "Size of the compiled policy.", [], (metric) =>
		metric.set(policy.current?.facts.bytes ?? 0),
	);
	gauge(
		registry,
		"sallyport_policy_loaded_timestamp_seconds",
		"When the policy in force was loaded; 0: by an earlier daemon.",
		[],
		(metric) => metric.set((policy.current?.loadedAt.getTime() ?? 0) / 1000),
	);
	gauge(
		registry,
		"sallyport_policy_load_success",
		"1 if the last try to load a policy succeeded, 0 if it was refused.",
		[],
		(metric) => metric.set(policy.healthy ? 1 : 0),
	);
	counter(registry, "sallyport_policy_loads_total", "Tries to load a policy, by result.", ["result"], (metric) => {
		metric.inc({ result: "loaded" }, policy.counts.loaded);
		metric.inc({ result: "refused" }, policy.counts.refused);
	});

	gauge(registry, "sallyport_connections", "Records in memory, by state.", ["state"], (metric) => {
		metric.set({ state: "open" }, table.sizes.live);
		metric.set({ state: "ended" }, table.sizes.finished);
	});
	counter(
		registry,
		"sallyport_connections_dropped_total",
		"Open connections whose record made room for newer ones.",
		[],
		(metric) => metric.inc(table.dropped),
	);
	counter(
		registry,
		"sallyport_processes_missed_total",
		"Connections of a process whose announcement did not arrive.",
		[],
		(metric) => metric.inc(processes.missed),
	);
	counter(
		registry,
		"sallyport_sockets_destroyed_total",
		"Denied sockets that were to be ended, by result.",
		["result"],
		(metric) => {
			for (const [result, value] of Object.entries(destroyer.counts)) metric.inc({ result }, value);
		},
	);

	counter(
		registry,
		"sallyport_events_received_total",
		"Events that arrived from the ring, by type.",
		["type"],
		(metric) => {
			eventNames.forEach((type, index) => {
				if (type !== null) metric.inc({ type }, pump.counts.byType[index] ?? 0);
			});
		},
	);
	counter(
		registry,
		"sallyport_events_unreadable_total",
		"Records of another version or an unknown type.",
		[],
		(metric) => metric.inc(pump.counts.unknown),
	);
	counter(
		registry,
		"sallyport_event_failures_total",
		"Batches that were left at an event which could not be handled: a mistake in the daemon.",
		[],
		(metric) => metric.inc(pump.failures),
	);
	counter(registry, "sallyport_ring_batches_total", "Batches taken from the ring.", [], (metric) =>
		metric.inc(pump.batches),
	);
	counter(registry, "sallyport_ring_bytes_total", "Bytes taken from the ring.", [], (metric) => metric.inc(pump.bytes));
}

function gauge(
	registry: Registry,
	name: string,
	help: string,
	labelNames: string[],
	read: (metric: Gauge) => void,
): void {
	new Gauge({
		name,
		help,
		labelNames,
		registers: [registry],
		collect() {
			this.reset();
			read(this);
		},
	});
}

function counter(
	registry: Registry,
	name: string,
	help: string,
	labelNames: string[],
	read: (metric: Counter) => void,
): void {
	new Counter({
		name,
		help,
		labelNames,
		registers: [registry],
		collect() {
			this.reset();
			read(this);
		},
	});
}
