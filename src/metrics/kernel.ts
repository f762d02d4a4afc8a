import type { Registry } from "prom-client";
import type { Kernel } from "../native/binding.ts";
import { ALLOWED_OBSERVING, decisionCounter } from "../native/counters.ts";
import { COUNT, VERDICT } from "../native/layout.ts";
import { answerNames, eventNames, mapNames, phaseNames, reasonNames } from "../native/vocabulary.ts";
import { type Sample, type Scrape, scrapedCounter } from "./scraped-metric.ts";

/**
 * Counters that the kernel programs maintain. They are exact even if events are lost. Would-be denials of mode observe have their own
 * metric, so that no sum over labels counts them as denials.
 */
export function registerKernelMetrics(registry: Registry, kernel: Pick<Kernel, "sum">): void {
	const sum = () => kernel.sum("counters");
	const reader = (scrape: Scrape) => {
		const counters = scrape.once(sum);
		return (index: number) => Number(counters[index] ?? 0n);
	};

	scrapedCounter({
		registry,
		name: "sallyport_decisions_total",
		help: "Decisions that took effect.",
		labels: ["phase", "verdict", "mode", "reason"],
		*samples(scrape) {
			const at = reader(scrape);
			for (const [row, verdict, mode] of EFFECTIVE) {
				for (const [phase, reason, index] of reasons(row)) {
					const value = at(index);
					if (value > 0 || isUsual(phase, reason)) yield [{ phase, verdict, mode, reason }, value];
				}
			}
		},
	});
	scrapedCounter({
		registry,
		name: "sallyport_would_deny_total",
		help: "Decisions in mode observe that enforce would have denied.",
		labels: ["phase", "reason"],
		*samples(scrape) {
			const at = reader(scrape);
			for (const [phase, reason, index] of reasons(VERDICT.wouldDeny)) {
				const value = at(index);
				if (value > 0 || isUsual(phase, reason)) yield [{ phase, reason }, value];
			}
		},
	});
	for (const [name, help, label, base, names] of FAMILIES) {
		scrapedCounter({
			registry,
			name,
			help,
			labels: [label],
			*samples(scrape) {
				const at = reader(scrape);
				for (const [offset, value] of names.entries())
					if (value !== null) yield [{ [label]: value }, at(base + offset)];
			},
		});
	}
	for (const [name, help, index] of SINGLES) {
		scrapedCounter({ registry, name, help, samples: (scrape) => [[{}, reader(scrape)(index)]] });
	}
	for (const [name, help, out, back] of BYTES) {
		scrapedCounter({
			registry,
			name,
			help,
			labels: ["direction"],
			samples: (scrape): Sample[] => [
				[{ direction: "out" }, reader(scrape)(out)],
				[{ direction: "in" }, reader(scrape)(back)],
			],
		});
	}
}

/** Events lost, of all types. `counters`: the map of that name. */
export function lostOf(counters: BigUint64Array): number {
	let lost = 0;
	for (let type = 0; type < eventNames.length; type++) lost += Number(counters[COUNT.lost + type] ?? 0n);
	return lost;
}

/** Decisions with this verdict (VERDICT), of all phases and reasons. `counters`: the map of that name. */
export function deniedOf(counters: BigUint64Array, verdict: number): number {
	let denied = 0;
	for (const [, , index] of reasons(verdict)) denied += Number(counters[index] ?? 0n);
	return denied;
}

/* A denial takes effect only in mode enforce. */
const EFFECTIVE: readonly (readonly [row: number, verdict: string, mode: string])[] = [
	[VERDICT.allow, "allow", "enforce"],
	[VERDICT.deny, "deny", "enforce"],
	[ALLOWED_OBSERVING, "allow", "observe"],
];

type Names = readonly (string | null)[];

const FAMILIES: readonly (readonly [name: string, help: string, label: string, base: number, names: Names])[] = [
	["sallyport_alerts_total", "Decisions in which an alert rule matched.", "phase", COUNT.alert, phaseNames],
	["sallyport_events_total", "Events that the kernel wrote.", "type", COUNT.event, eventNames],
	[
		"sallyport_events_lost_total",
		"Events that did not fit into the ring buffer. Verdicts and counters are not affected.",
		"type",
		COUNT.lost,
		eventNames,
	],
	["sallyport_map_full_total", "Entries that did not fit into a kernel map.", "map", COUNT.mapFull, mapNames],
	[
		"sallyport_dns_answers_total",
		"Addresses learned from DNS answers, and answers not used.",
		"result",
		COUNT.answers,
		answerNames,
	],
];

const SINGLES: readonly (readonly [name: string, help: string, index: number])[] = [
	["sallyport_denied_packets_total", "Packets of flows that were already denied.", COUNT.packetsDenied],
	[
		"sallyport_events_throttled_total",
		"Lost events of units that had used up their share of the ring buffer.",
		COUNT.throttled,
	],
	["sallyport_denied_bytes_total", "Bytes in packets of flows that were already denied.", COUNT.bytesDenied],
	[
		"sallyport_scratch_failures_total",
		"Program runs without scratch memory. The default of the phase decided.",
		COUNT.noScratch,
	],
	[
		"sallyport_learned_names_evicted_total",
		"Names evicted from addresses with more than 16 names.",
		COUNT.learnedEvicted,
	],
];

const BYTES: readonly (readonly [name: string, help: string, out: number, back: number])[] = [
	["sallyport_tcp_bytes_total", "Payload bytes of closed TCP connections.", COUNT.tcpBytesOut, COUNT.tcpBytesIn],
	["sallyport_udp_bytes_total", "Payload bytes of UDP flows, open or closed.", COUNT.udpBytesOut, COUNT.udpBytesIn],
];

function* reasons(verdict: number): Generator<[phase: string, reason: string, index: number]> {
	for (const [p, phase] of phaseNames.entries()) {
		for (const [r, reason] of reasonNames.entries()) {
			if (reason === null) continue;
			yield [phase, reason, decisionCounter(p, verdict, r)];
		}
	}
}

/* These series exist from the start, so that rate() includes their first decision. The others begin with one. */
function isUsual(phase: string, reason: string): boolean {
	return phase !== "http" && (reason === "rule" || reason === "default");
}
