import type { Registry } from "prom-client";
import type { Kernel } from "../native/binding.ts";
import { ALLOWED_OBSERVING, decisionCounter } from "../native/counters.ts";
import { COUNT, COUNTERS, VERDICT } from "../native/layout.ts";
import { answerNames, eventNames, mapNames, phaseNames, reasonNames } from "../native/vocabulary.ts";
import { liveCounter, type Sample } from "./live.ts";

/**
 * What the kernel counts for itself, read when scraped. Exact, however many events are lost. What mode observe would have denied
 * has metrics of its own, so that no sum over labels adds it to what was denied.
 */
export function registerKernelMetrics(registry: Registry, kernel: Pick<Kernel, "sum">): void {
	/* One read of the per-CPU map a scrape, by the first metric that is written. */
	let counters: BigUint64Array = new BigUint64Array(COUNTERS);
	const at = (index: number) => Number(counters[index] ?? 0n);

	liveCounter({
		registry,
		name: "sallyport_decisions_total",
		help: "Decisions that took effect, by phase, verdict, mode and reason.",
		labels: ["phase", "verdict", "mode", "reason"],
		*samples() {
			counters = kernel.sum("counters");
			for (const [row, verdict, mode] of EFFECTIVE) {
				for (const [phase, reason, index] of reasons(row)) {
					const value = at(index);
					if (value > 0 || isUsual(phase, reason)) yield [{ phase, verdict, mode, reason }, value];
				}
			}
		},
	});
	liveCounter({
		registry,
		name: "sallyport_would_deny_total",
		help: "Decisions of mode observe that enforce would have denied. They were let through.",
		labels: ["phase", "reason"],
		*samples() {
			for (const [phase, reason, index] of reasons(VERDICT.wouldDeny)) {
				const value = at(index);
				if (value > 0 || isUsual(phase, reason)) yield [{ phase, reason }, value];
			}
		},
	});
	for (const [name, help, label, base, names] of FAMILIES) {
		liveCounter({
			registry,
			name,
			help,
			labels: [label],
			*samples() {
				for (const [offset, value] of names.entries())
					if (value !== null) yield [{ [label]: value }, at(base + offset)];
			},
		});
	}
	for (const [name, help, index] of SINGLES) {
		liveCounter({ registry, name, help, samples: () => [[{}, at(index)]] });
	}
	liveCounter({
		registry,
		name: "sallyport_tcp_bytes_total",
		help: "Payload bytes of TCP connections that have ended, by direction.",
		labels: ["direction"],
		samples: (): Sample[] => [
			[{ direction: "out" }, at(COUNT.tcpBytesOut)],
			[{ direction: "in" }, at(COUNT.tcpBytesIn)],
		],
	});
	liveCounter({
		registry,
		name: "sallyport_udp_bytes_total",
		help: "Payload bytes of UDP flows, by direction, as they pass.",
		labels: ["direction"],
		samples: (): Sample[] => [
			[{ direction: "out" }, at(COUNT.udpBytesOut)],
			[{ direction: "in" }, at(COUNT.udpBytesIn)],
		],
	});
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
	for (const [, , index] of reasons(verdict)) denied += Number(counters[index] ?? 0n);
	return denied;
}

/* A denial that took effect is of mode enforce. */
const EFFECTIVE: readonly (readonly [row: number, verdict: string, mode: string])[] = [
	[VERDICT.allow, "allow", "enforce"],
	[VERDICT.deny, "deny", "enforce"],
	[ALLOWED_OBSERVING, "allow", "observe"],
];

type Names = readonly (string | null)[];

const FAMILIES: readonly (readonly [name: string, help: string, label: string, base: number, names: Names])[] = [
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

const SINGLES: readonly (readonly [name: string, help: string, index: number])[] = [
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

function* reasons(verdict: number): Generator<[phase: string, reason: string, index: number]> {
	for (const [p, phase] of phaseNames.entries()) {
		for (const [r, reason] of reasonNames.entries()) {
			if (reason === null) continue;
			yield [phase, reason, decisionCounter(p, verdict, r)];
		}
	}
}

/* Series that exist from the start, so that a rate() sees the first one; the rest appear when they count. */
function isUsual(phase: string, reason: string): boolean {
	return phase !== "http" && (reason === "rule" || reason === "default");
}
