import type { Registry } from "prom-client";
import type { Attachment } from "../enforce/attachment.ts";
import type { Kernel } from "../native/binding.ts";
import { scrapedCounter, scrapedGauge } from "./scraped-metric.ts";

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

/** Whether packets are judged at all. */
export function registerAttachmentMetrics(
	registry: Registry,
	attachment: Pick<Attachment, "problem" | "repairs">,
): void {
	scrapedGauge({
		registry,
		name: "sallyport_attached",
		help: "1 if all programs are attached to the watched cgroup and pinned, else 0: packets are not judged, or will not be after a restart.",
		samples: () => [[{}, attachment.problem === null ? 1 : 0]],
	});
	scrapedCounter({
		registry,
		name: "sallyport_attachment_repairs_total",
		help: "Times that programs were found detached, or pins replaced, and both were restored.",
		samples: () => [[{}, attachment.repairs]],
	});
}
