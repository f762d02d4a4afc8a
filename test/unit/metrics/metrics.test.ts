import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { SlotBook } from "../../../src/enforce/slot-book.ts";
import { registerHistoryMetrics } from "../../../src/metrics/history.ts";
import { deniedOf, lostOf, registerKernelMetrics } from "../../../src/metrics/kernel.ts";
import { MapFills, registerMapMetrics } from "../../../src/metrics/maps.ts";
import { registerPolicyMetrics } from "../../../src/metrics/policy-metrics.ts";
import { registerProcessMetrics } from "../../../src/metrics/process.ts";
import { registerProgramMetrics } from "../../../src/metrics/programs.ts";
import { registerRuleMetrics } from "../../../src/metrics/rules.ts";
import { decisionCounter } from "../../../src/native/counters.ts";
import { COUNT, COUNTERS, PHASE, REASON, VERDICT } from "../../../src/native/layout.ts";
import { assignSlots } from "../../../src/policy/compile/slots.ts";
import type { HistoryStatus } from "../../../src/records/history-status.ts";
import { exposed } from "../support/exposed.ts";
import { FakeKernel } from "../support/fake-kernel.ts";

const index = (phase: number, verdict: number, reason: number) => decisionCounter(phase, verdict, reason);

async function scrape(prepare: (kernel: FakeKernel, slots: SlotBook) => void): Promise<string[]> {
	const kernel = new FakeKernel();
	const slots = new SlotBook(null);
	prepare(kernel, slots);
	const registry = new Registry();
	registerKernelMetrics(registry, kernel);
	registerRuleMetrics(registry, { kernel, slots, actionOf: (key) => (key === "web/api" ? "allow" : null) });
	registerProgramMetrics(registry, kernel);
	const text = await exposed(registry);
	expect(sorted(await registry.metrics()), "prom-client writes the same").toEqual(sorted(text));
	return text.split("\n");
}

const HISTORY: HistoryStatus = {
	file: "history.db",
	state: "writing",
	rows: 0,
	bytes: 0,
	oldest: null,
	lastWrite: null,
	waiting: 0,
	lag: 0,
	written: 0,
	dropped: 0,
	expired: 0,
	throttled: [],
	failures: 0,
	writerRestarts: 0,
	failure: null,
};

const sorted = (text: string) =>
	text
		.split("\n")
		.filter((line) => line !== "")
		.sort();

test("decisions by phase, verdict and reason; would-be denials have their own metric", async () => {
	const lines = await scrape((kernel) => {
		kernel.counters[index(PHASE.tls, VERDICT.deny, 6)] = 3n;
		kernel.counters[index(PHASE.connect, VERDICT.allow, REASON.rule)] = 9_007_199_254_740_991n;
		kernel.counters[index(PHASE.connect, VERDICT.wouldDeny, REASON.default)] = 5n;
		kernel.counters[COUNT.lost + 1] = 2n;
		kernel.counters[COUNT.mapFull + 1] = 4n;
		kernel.counters[COUNT.tcpBytesOut] = 77n;
		kernel.counters[COUNT.udpBytesIn] = 78n;
		kernel.counters[COUNT.answers] = 8n;
	});
	expect(lines).toContain(
		'sallyport_decisions_total{phase="tls",verdict="deny",mode="enforce",reason="name_unbound"} 3',
	);
	expect(lines).toContain(
		'sallyport_decisions_total{phase="connect",verdict="allow",mode="enforce",reason="rule"} 9007199254740991',
	);
	expect(lines).toContain('sallyport_decisions_total{phase="dns",verdict="deny",mode="enforce",reason="default"} 0');
	expect(lines).toContain('sallyport_would_deny_total{phase="connect",reason="default"} 5');
	expect(lines.filter((line) => line.startsWith("sallyport_decisions_total") && line.includes("would"))).toEqual([]);
	expect(lines).toContain('sallyport_events_lost_total{type="connect"} 2');
	expect(lines).toContain('sallyport_map_full_total{map="learned"} 4');
	expect(lines).toContain('sallyport_tcp_bytes_total{direction="out"} 77');
	expect(lines).toContain('sallyport_udp_bytes_total{direction="in"} 78');
	expect(lines).toContain('sallyport_dns_answers_total{result="learned"} 8');
	expect(lines).toContain('sallyport_program_run_seconds_total{program="connect4"} 2');
});

test("rules by name, also removed ones; decisions of both modes apart", async () => {
	const lines = await scrape((kernel, slots) => {
		const { byRule, ...first } = assignSlots([], ["web/api", "web/old"], 1);
		slots.commit(first, () => kernel.rules);
		kernel.rules[((byRule[0] ?? 0) * 4 + PHASE.tls) * 2] = 6n;
		kernel.rules[((byRule[1] ?? 0) * 4 + PHASE.connect) * 2 + 1] = 7n;
		slots.commit(assignSlots(slots.entries, ["web/api"], 2), () => kernel.rules);
	});
	expect(lines).toContain('sallyport_rule_decisions_total{group="web",rule="api",phase="tls",action="allow"} 6');
	expect(lines).toContain('sallyport_rule_decisions_total{group="web",rule="api",phase="connect",action="allow"} 0');
	expect(lines).toContain('sallyport_rule_would_deny_total{group="web",rule="old",phase="connect"} 7');
});

test("each metric has its values when collected separately, in any order", async () => {
	const kernel = new FakeKernel();
	kernel.counters[COUNT.lost + 1] = 2n;
	kernel.counters[COUNT.udpBytesIn] = 78n;
	const slots = new SlotBook(null);
	const { byRule, ...first } = assignSlots([], ["web/api"], 1);
	slots.commit(first, () => kernel.rules);
	kernel.rules[((byRule[0] ?? 0) * 4 + PHASE.connect) * 2 + 1] = 7n;
	const registry = new Registry();
	registerKernelMetrics(registry, kernel);
	registerRuleMetrics(registry, { kernel, slots, actionOf: () => "deny" });
	registerProgramMetrics(registry, kernel);
	const reversed: string[] = [];
	for (const { name } of registry.getMetricsAsArray().toReversed())
		reversed.push(await registry.getSingleMetricAsString(name));
	expect(sorted(reversed.join("\n"))).toEqual(sorted(await exposed(registry)));
	expect(reversed.join("\n")).toContain('sallyport_rule_would_deny_total{group="web",rule="api",phase="connect"} 7');
});

test("facts about a policy of an earlier daemon have no sample", async () => {
	const registry = new Registry();
	const counts = { loaded: 0, refused: 0 };
	registerPolicyMetrics(registry, { current: null, generation: 7, healthy: true, counts });
	const samples = (await exposed(registry)).split("\n").filter((line) => /^\w/.test(line));
	expect(samples).toEqual([
		"sallyport_policy_generation 7",
		"sallyport_policy_load_success 1",
		'sallyport_policy_loads_total{result="loaded"} 0',
		'sallyport_policy_loads_total{result="refused"} 0',
	]);
});

test("times of an empty history have no sample", async () => {
	const registry = new Registry();
	const empty = { ...HISTORY, oldest: null, lastWrite: null };
	let status: HistoryStatus | null = empty;
	registerHistoryMetrics(registry, () => status);
	expect(await exposed(registry)).not.toMatch(/^\w+timestamp_seconds \S/m);
	status = { ...empty, oldest: 5_000, lastWrite: 6_500 };
	expect(await exposed(registry)).toMatch(/^sallyport_history_oldest_timestamp_seconds 5$/m);
	expect(await exposed(registry)).toMatch(/^sallyport_history_last_write_timestamp_seconds 6.5$/m);
	status = null;
	expect(await exposed(registry)).not.toMatch(/^sallyport/m);
});

test("the metrics of the process", async () => {
	const registry = new Registry();
	registerProcessMetrics(registry);
	const text = await exposed(registry);
	for (const name of [
		"process_cpu_seconds_total",
		"process_resident_memory_bytes",
		"process_open_fds",
		"nodejs_eventloop_utilization_ratio",
	])
		expect(text).toMatch(new RegExp(`^${name} \\d`, "m"));
});

test("sums over the counters", () => {
	const counters = new BigUint64Array(COUNTERS);
	counters[COUNT.lost + 1] = 2n;
	counters[COUNT.lost + 7] = 3n;
	counters[index(PHASE.dns, VERDICT.deny, REASON.rule)] = 5n;
	counters[index(PHASE.tls, VERDICT.deny, REASON.default)] = 6n;
	expect(lostOf(counters)).toBe(5);
	expect(deniedOf(counters, VERDICT.deny)).toBe(11);
});

test("maps are counted at most once a minute, and the last count stays if a map cannot be read", async () => {
	let [now, counted, broken] = [0, 0, false];
	const count = async () => {
		counted++;
		if (broken) throw new Error("closed");
		return { entries: counted, capacity: 10 };
	};
	const fills = new MapFills({ count }, () => now);
	const registry = new Registry();
	registerMapMetrics(registry, fills);
	expect(await exposed(registry)).toContain('sallyport_map_entries{map="names"} 1\n');
	expect(await exposed(registry)).toContain('sallyport_map_capacity{map="flows"} 10\n');
	expect(counted).toBe(12);
	now = 61_000;
	broken = true;
	await fills.read();
	await new Promise((resolve) => setImmediate(resolve));
	expect(counted).toBe(13);
	expect(fills.known[0]).toEqual({ name: "names", entries: 1, capacity: 10 });
});
