import { Counter, type Registry } from "prom-client";
import type { SlotBook } from "../enforce/slot-book.ts";
import type { Kernel } from "../native/binding.ts";
import {
	answerNames,
	COUNT,
	eventNames,
	mapNames,
	PHASES,
	phaseNames,
	reasonNames,
	VERDICT,
	verdictNames,
} from "../native/layout.ts";

export interface KernelMetricsOptions {
	readonly kernel: Pick<Kernel, "sum" | "programs">;
	readonly slots: SlotBook;
	/** "group/rule" to its action, for the rules in force. */
	readonly actionOf: (key: string) => string | null;
}

/**
 * What the kernel counts for itself, read when scraped. Exact, however many events are lost. What mode observe would have denied
 * has metrics of its own, so that no sum over labels adds it to what was denied.
 */
export function registerKernelMetrics(registry: Registry, options: KernelMetricsOptions): void {
	/* One read of the per-CPU map a scrape, by the first metric that is collected. */
	let counters: BigUint64Array = new BigUint64Array(COUNT.bytes);
	const at = (index: number) => Number(counters[index] ?? 0n);
	const registers = [registry];

	new Counter({
		name: "sallyport_decisions_total",
		help: "Decisions that took effect, by phase, verdict and reason.",
		labelNames: ["phase", "verdict", "reason"],
		registers,
		collect() {
			counters = options.kernel.sum("counters");
			this.reset();
			for (const verdict of [VERDICT.allow, VERDICT.deny]) {
				eachReason(verdict, (phase, reason, index) => {
					const value = at(index);
					if (value > 0 || isUsual(phase, reason))
						this.inc({ phase, verdict: verdictNames[verdict] ?? "", reason }, value);
				});
			}
		},
	});
	new Counter({
		name: "sallyport_would_deny_total",
		help: "Decisions of mode observe that enforce would have denied. They were let through.",
		labelNames: ["phase", "reason"],
		registers,
		collect() {
			this.reset();
			eachReason(VERDICT.wouldDeny, (phase, reason, index) => {
				const value = at(index);
				if (value > 0 || isUsual(phase, reason)) this.inc({ phase, reason }, value);
			});
		},
	});
	const families: readonly [
		name: string,
		help: string,
		label: string,
		base: number,
		names: readonly (string | null)[],
	][] = [
		["sallyport_alerts_total", "Decisions in which an alert rule matched, by phase.", "phase", COUNT.alert, phaseNames],
		["sallyport_events_total", "Events that the kernel wrote, by type.", "type", COUNT.event, eventNames],
		[
			"sallyport_events_lost_total",
			"Events that found the ring full, by type. Verdicts and counters are not affected.",
			"type",
			COUNT.lost,
			eventNames,
		],
		["sallyport_map_full_total", "Entries that found no room in a kernel map, by map.", "map", COUNT.mapFull, mapNames],
		[
			"sallyport_dns_answers_total",
			"Addresses learned from DNS answers, and answers not used, by result.",
			"result",
			COUNT.answers,
			answerNames,
		],
	];
	for (const [name, help, label, base, names] of families) {
		new Counter({
			name,
			help,
			labelNames: [label],
			registers,
			collect() {
				this.reset();
				names.forEach((value, offset) => {
					if (value !== null) this.inc({ [label]: value }, at(base + offset));
				});
			},
		});
	}
	const singles: readonly [name: string, help: string, index: number][] = [
		["sallyport_denied_packets_total", "Packets of flows that had been denied before.", COUNT.packetsDenied],
		["sallyport_denied_bytes_total", "Bytes of packets of flows that had been denied before.", COUNT.bytesDenied],
		[
			"sallyport_scratch_failures_total",
			"Times that a program found no scratch memory; the phase's default decided.",
			COUNT.noScratch,
		],
		[
			"sallyport_learned_names_evicted_total",
			"Names that lost their place at an address with more than 16.",
			COUNT.learnedEvicted,
		],
	];
	for (const [name, help, index] of singles) {
		new Counter({
			name,
			help,
			registers,
			collect() {
				this.reset();
				this.inc(at(index));
			},
		});
	}
	new Counter({
		name: "sallyport_tcp_bytes_total",
		help: "Payload bytes of TCP connections that have ended, by direction.",
		labelNames: ["direction"],
		registers,
		collect() {
			this.reset();
			this.inc({ direction: "out" }, at(COUNT.tcpBytesOut));
			this.inc({ direction: "in" }, at(COUNT.tcpBytesIn));
		},
	});
	registerRuleMetrics(registry, options);
	registerProgramMetrics(registry, options.kernel);
}

/** Events lost, of all types. */
export function lostOf(counters: BigUint64Array): number {
	let lost = 0;
	for (let type = 0; type < eventNames.length; type++) lost += Number(counters[COUNT.lost + type] ?? 0n);
	return lost;
}

/** Decisions with this verdict, of all phases and reasons. */
export function deniedOf(counters: BigUint64Array, verdict: number): number {
	let denied = 0;
	eachReason(verdict, (_phase, _reason, index) => {
		denied += Number(counters[index] ?? 0n);
	});
	return denied;
}

function registerRuleMetrics(registry: Registry, { kernel, slots, actionOf }: KernelMetricsOptions): void {
	let sum: BigUint64Array = new BigUint64Array(0);
	const collectInto = (counter: Counter, kind: "enforced" | "observed", withAction: boolean) => {
		counter.reset();
		for (const { key, slot, removed } of slots.entries) {
			const action = actionOf(key);
			for (let phase = 0; phase < PHASES; phase++) {
				const value = slots.count(sum, slot, phase)[kind];
				/* A rule in force is there from the start, in the phase that every connection has; others when they count. */
				if (value === 0 && !(removed === null && phase === 1 && kind === "enforced")) continue;
				const { group, rule } = splitKey(key);
				const labels = { group, rule, phase: phaseNames[phase] ?? "" };
				counter.inc(withAction ? { ...labels, action: action ?? "removed" } : labels, value);
			}
		}
	};
	new Counter({
		name: "sallyport_rule_decisions_total",
		help: "Decisions by a rule that took effect (allow, deny) or were recorded (alert).",
		labelNames: ["group", "rule", "phase", "action"],
		registers: [registry],
		collect() {
			sum = kernel.sum("rules");
			collectInto(this, "enforced", true);
		},
	});
	new Counter({
		name: "sallyport_rule_would_deny_total",
		help: "Decisions by a deny rule in mode observe. They were let through.",
		labelNames: ["group", "rule", "phase"],
		registers: [registry],
		collect() {
			collectInto(this, "observed", false);
		},
	});
}

function registerProgramMetrics(registry: Registry, kernel: Pick<Kernel, "programs">): void {
	let facts = kernel.programs().slice(0, 0);
	new Counter({
		name: "sallyport_program_runs_total",
		help: "Runs of a BPF program. 0 unless sysctl kernel.bpf_stats_enabled is 1.",
		labelNames: ["program"],
		registers: [registry],
		collect() {
			facts = kernel.programs();
			this.reset();
			for (const { name, runCount } of facts) this.inc({ program: name }, Number(runCount));
		},
	});
	new Counter({
		name: "sallyport_program_run_seconds_total",
		help: "Time spent in a BPF program. 0 unless sysctl kernel.bpf_stats_enabled is 1.",
		labelNames: ["program"],
		registers: [registry],
		collect() {
			this.reset();
			for (const { name, runTimeNs } of facts) this.inc({ program: name }, Number(runTimeNs) / 1e9);
		},
	});
}

function eachReason(verdict: number, visit: (phase: string, reason: string, index: number) => void): void {
	phaseNames.forEach((phase, p) => {
		reasonNames.forEach((reason, r) => {
			if (reason !== null)
				visit(phase, reason, COUNT.decision + p * COUNT.decisionPhase + verdict * COUNT.decisionVerdict + r);
		});
	});
}

/* Series that exist from the start, so that a rate() sees the first one; the rest appear when they count. */
function isUsual(phase: string, reason: string): boolean {
	return phase !== "http" && (reason === "rule" || reason === "default");
}

/* Group names hold no slash that matters: the first one divides. */
function splitKey(key: string): { group: string; rule: string } {
	const at = key.indexOf("/");
	return { group: key.slice(0, at), rule: key.slice(at + 1) };
}
