import { readdirSync, readFileSync } from "node:fs";
import type { Registry } from "prom-client";
import { scrapedCounter, scrapedGauge } from "./scraped-metric.ts";

/**
 * The daemon's process, under the usual names. prom-client's collectDefaultMetrics() is not used, because its histogram of the event loop
 * wakes the idle process 100 times a second.
 */
export function registerProcessMetrics(registry: Registry): void {
	scrapedCounter({
		registry,
		name: "process_cpu_seconds_total",
		help: "User and system CPU time of the daemon.",
		samples() {
			const { user, system } = process.cpuUsage();
			return [[{}, (user + system) / 1e6]];
		},
	});
	let before = performance.eventLoopUtilization();
	const gauges: readonly (readonly [name: string, help: string, read: () => number])[] = [
		["process_start_time_seconds", "Start time of the daemon.", () => performance.timeOrigin / 1000],
		["process_resident_memory_bytes", "Resident memory of the daemon.", () => process.memoryUsage.rss()],
		["process_open_fds", "Open file descriptors.", () => readdirSync("/proc/self/fd").length - 1],
		["process_max_fds", "Maximum number of open file descriptors.", maxFiles],
		["nodejs_heap_size_used_bytes", "Used heap of the JavaScript engine.", () => process.memoryUsage().heapUsed],
		[
			"nodejs_eventloop_utilization_ratio",
			"Share of time in which the event loop was busy since the last scrape.",
			() => {
				const now = performance.eventLoopUtilization();
				const { utilization } = performance.eventLoopUtilization(now, before);
				before = now;
				return utilization;
			},
		],
	];
	for (const [name, help, read] of gauges) scrapedGauge({ registry, name, help, samples: () => [[{}, read()]] });
}

function maxFiles(): number {
	const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
	return soft === undefined || soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}
