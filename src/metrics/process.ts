import { readdirSync } from "node:fs";
import { Counter, Gauge, type Registry } from "prom-client";

/**
 * The process itself, under the usual names. Not prom-client's collectDefaultMetrics(): its event loop histogram is a timer
 * of 100 wake-ups a second, for ever (goal P10: 5 when idle).
 */
export function registerProcessMetrics(registry: Registry): void {
	const registers = [registry];
	new Counter({
		name: "process_cpu_seconds_total",
		help: "User and system CPU time of the daemon.",
		registers,
		collect() {
			const { user, system } = process.cpuUsage();
			this.reset();
			this.inc((user + system) / 1e6);
		},
	});
	new Gauge({
		name: "process_start_time_seconds",
		help: "When the daemon started.",
		registers,
		collect() {
			this.set(performance.timeOrigin / 1000);
		},
	});
	new Gauge({
		name: "process_resident_memory_bytes",
		help: "Resident memory of the daemon.",
		registers,
		collect() {
			this.set(process.memoryUsage.rss());
		},
	});
	new Gauge({
		name: "process_open_fds",
		help: "Open file descriptors.",
		registers,
		collect() {
			this.set(readdirSync("/proc/self/fd").length - 1);
		},
	});
	new Gauge({
		name: "nodejs_heap_size_used_bytes",
		help: "Used heap of the JavaScript engine.",
		registers,
		collect() {
			this.set(process.memoryUsage().heapUsed);
		},
	});
	let before = performance.eventLoopUtilization();
	new Gauge({
		name: "nodejs_eventloop_utilization_ratio",
		help: "Share of time in which the event loop was busy since the last scrape.",
		registers,
		collect() {
			const now = performance.eventLoopUtilization();
			this.set(performance.eventLoopUtilization(now, before).utilization);
			before = now;
		},
	});
}
