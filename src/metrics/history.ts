import type { Registry } from "prom-client";
import type { HistoryStatus } from "../records/history-status.ts";
import { type Samples, scrapedCounter, scrapedGauge } from "./scraped-metric.ts";

/** `read`: null while there is no history. Its metrics have no samples in that case. */
export function registerHistoryMetrics(registry: Registry, read: () => HistoryStatus | null): void {
	for (const [name, help, value] of GAUGES) scrapedGauge({ registry, name, help, samples: single(read, value) });
	for (const [name, help, value] of COUNTERS) scrapedCounter({ registry, name, help, samples: single(read, value) });
}

/** Null: no sample. */
type Value = (status: HistoryStatus) => number | null;
type Fact = readonly [name: string, help: string, value: Value];

const GAUGES: readonly Fact[] = [
	["sallyport_history_rows", "Connections and DNS queries in the history.", ({ rows }) => rows],
	["sallyport_history_bytes", "Size on disk, with the write-ahead log.", ({ bytes }) => bytes],
	["sallyport_history_waiting_rows", "Rows that are not in the file yet.", ({ waiting }) => waiting],
	["sallyport_history_lag_seconds", "Age of the oldest row that is not in the file yet.", ({ lag }) => lag / 1000],
	[
		"sallyport_history_healthy",
		"0 while the history cannot be written, else 1.",
		({ state }) => (state === "writing" || state === "opening" ? 1 : 0),
	],
	[
		"sallyport_history_oldest_timestamp_seconds",
		"Start of the oldest row. No sample while the history is empty.",
		({ oldest }) => seconds(oldest),
	],
	[
		"sallyport_history_last_write_timestamp_seconds",
		"Last durable write. No sample before the first.",
		({ lastWrite }) => seconds(lastWrite),
	],
];

const COUNTERS: readonly Fact[] = [
	["sallyport_history_written_total", "Rows written to the history.", ({ written }) => written],
	[
		"sallyport_history_dropped_total",
		"Rows lost because the buffer was full while the history could not be written.",
		({ dropped }) => dropped,
	],
	["sallyport_history_expired_total", "Rows removed because of age or size.", ({ expired }) => expired],
	["sallyport_history_failures_total", "Times that writing to the history began to fail.", ({ failures }) => failures],
	["sallyport_history_writer_restarts_total", "Restarts of the writer thread.", ({ writerRestarts }) => writerRestarts],
];

function single(read: () => HistoryStatus | null, value: Value): Samples {
	return () => {
		const status = read();
		const number = status === null ? null : value(status);
		return number === null ? [] : [[{}, number]];
	};
}

function seconds(ms: number | null): number | null {
	return ms === null ? null : ms / 1000;
}
