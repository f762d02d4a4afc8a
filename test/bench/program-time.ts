/** Mean run time of the project's programs [ns], from the kernel's statistics (kernel.bpf_stats_enabled, restored afterwards). */
import { readFileSync, writeFileSync } from "node:fs";
import type { Cleanup } from "../support/cleanup.ts";
import { must } from "../support/run.ts";

const SWITCH = "/proc/sys/kernel/bpf_stats_enabled";

interface Program {
	readonly id: number;
	readonly name: string;
	readonly pinned?: readonly string[];
	readonly run_time_ns?: number;
	readonly run_cnt?: number;
}

export function enableStats(cleanup: Cleanup): () => void {
	const before = readFileSync(SWITCH, "utf8");
	const restore = () => writeFileSync(SWITCH, before);
	cleanup.defer("bpf_stats_enabled", restore);
	writeFileSync(SWITCH, "1");
	return restore;
}

/** By program name: total time [ns] and run count of the programs attached to a cgroup. */
export function programTimes(cgroup: string): Map<string, { ns: number; runs: number }> {
	const attached = JSON.parse(must("bpftool", "-j", "cgroup", "show", cgroup)) as { id: number }[];
	const ids = new Set(attached.map((each) => each.id));
	const all = JSON.parse(must("bpftool", "-j", "prog", "show")) as Program[];
	return new Map(
		all
			.filter((each) => ids.has(each.id))
			.map((each) => [each.name, { ns: each.run_time_ns ?? 0, runs: each.run_cnt ?? 0 }]),
	);
}

/** Mean run time of each program [ns] while `work` ran. */
export async function meanTimes(cgroup: string, work: () => Promise<unknown>): Promise<Map<string, number>> {
	const before = programTimes(cgroup);
	await work();
	const means = new Map<string, number>();
	for (const [name, after] of programTimes(cgroup)) {
		const was = before.get(name) ?? { ns: 0, runs: 0 };
		if (after.runs > was.runs) means.set(name, (after.ns - was.ns) / (after.runs - was.runs));
	}
	return means;
}
