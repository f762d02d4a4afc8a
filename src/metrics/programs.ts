import type { Registry } from "prom-client";
import type { Kernel, ProgramFacts } from "../native/binding.ts";
import { liveCounter } from "./live.ts";

/** Time of the BPF programs, as the kernel measures it if it is told to. */
export function registerProgramMetrics(registry: Registry, kernel: Pick<Kernel, "programs">): void {
	let facts: readonly ProgramFacts[] = [];
	liveCounter({
		registry,
		name: "sallyport_program_runs_total",
		help: "Runs of a BPF program. 0 unless sysctl kernel.bpf_stats_enabled is 1.",
		labels: ["program"],
		*samples() {
			facts = kernel.programs();
			for (const { name, runCount } of facts) yield [{ program: name }, Number(runCount)];
		},
	});
	liveCounter({
		registry,
		name: "sallyport_program_run_seconds_total",
		help: "Time spent in a BPF program. 0 unless sysctl kernel.bpf_stats_enabled is 1.",
		labels: ["program"],
		*samples() {
			for (const { name, runTimeNs } of facts) yield [{ program: name }, Number(runTimeNs) / 1e9];
		},
	});
}
