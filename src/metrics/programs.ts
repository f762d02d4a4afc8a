import type { Registry } from "prom-client";
import type { Kernel } from "../native/binding.ts";
import { scrapedCounter } from "./scraped-metric.ts";

/** Runs and run time of the BPF programs. The kernel measures them only if sysctl kernel.bpf_stats_enabled is 1. */
export function registerProgramMetrics(registry: Registry, kernel: Pick<Kernel, "programs">): void {
	const read = () => kernel.programs();
	scrapedCounter({
		registry,
		name: "sallyport_program_runs_total",
		help: "Runs of a BPF program. 0 unless sysctl kernel.bpf_stats_enabled is 1.",
		labels: ["program"],
		*samples(scrape) {
			for (const { name, runCount } of scrape.once(read)) yield [{ program: name }, Number(runCount)];
		},
	});
	scrapedCounter({
		registry,
		name: "sallyport_program_run_seconds_total",
		help: "Time in a BPF program. 0 unless sysctl kernel.bpf_stats_enabled is 1.",
		labels: ["program"],
		*samples(scrape) {
			for (const { name, runTimeNs } of scrape.once(read)) yield [{ program: name }, Number(runTimeNs) / 1e9];
		},
	});
}
