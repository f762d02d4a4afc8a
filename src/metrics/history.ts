import type { Registry } from "prom-client";
import type { HistoryStatus } from "../records/contract.ts";
import { type LiveOptions, liveCounter, liveGauge } from "./live.ts";

/** `read`: null while there is no history; its series are then missing. */
export function registerHistoryMetrics(registry: Registry, read: () => HistoryStatus | null): void {
	for (const [name, help, value] of GAUGES) liveGauge({ registry, ...single(name, help, read, value) });
	for (const [name, help, value] of COUNTERS) liveCounter({ registry, ...single(name, help, read, value) });
}

type Fact = readonly [name: string, help: string, value: (status: HistoryStatus) => number];

const GAUGES: readonly Fact[] = [
	["sallyport_history_rows", "Connections and DNS questions in the history.", ({ rows }) => rows],
	["sallyport_history_bytes", "Size of the history on disk, its write-ahead log included.", ({ bytes }) => bytes],
	["sallyport_history_waiting_rows", "Rows recorded and not yet in the file.", ({ waiting }) => waiting],
	["sallyport_history_lag_seconds", "Age of the oldest row that is not yet in the file.", ({ lag }) => lag / 1000],
	[
		"sallyport_history_healthy",
		"1 if the history takes what is recorded, 0 if rows wait or are dropped.",
		({ state }) => (state === "writing" || state === "opening" ? 1 : 0),
	],
	[
		"sallyport_history_oldest_timestamp_seconds",
		"When the oldest row began; 0: the history is empty.",
		({ oldest }) => (oldest ?? 0) / 1000,
	],
	[
		"sallyport_history_last_write_timestamp_seconds",
		"Last batch that is safe in the file; 0: none yet.",
		({ lastWrite }) => (lastWrite ?? 0) / 1000,
	],
];

const COUNTERS: readonly Fact[] = [
	["sallyport_history_written_total", "Rows written to the history.", ({ written }) => written],
	[
		"sallyport_history_dropped_total",
		"Rows that found no room in memory while the file did not take them.",
		({ dropped }) => dropped,
	],
	[
		"sallyport_history_expired_total",
		"Rows removed because of their age or the size of the file.",
		({ expired }) => expired,
	],
	["sallyport_history_failures_total", "Times that writing to the history began to fail.", ({ failures }) => failures],
	[
		"sallyport_history_writer_restarts_total",
		"Times that the writing thread was started anew.",
		({ writerRestarts }) => writerRestarts,
	],
];

function single(
	name: string,
	help: string,
	read: () => HistoryStatus | null,
	value: (status: HistoryStatus) => number,
): Omit<LiveOptions, "registry"> {
	return {
		name,
		help,
		samples() {
			const status = read();
			return status === null ? [] : [[{}, value(status)]];
		},
	};
}
