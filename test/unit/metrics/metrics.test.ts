import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { SlotBook } from "../../../src/enforce/slot-book.ts";
import { exposeText } from "../../../src/metrics/exposition.ts";
import { deniedOf, lostOf, registerKernelMetrics } from "../../../src/metrics/kernel.ts";
import { MapFills, registerMapMetrics } from "../../../src/metrics/maps.ts";
import { registerProcessMetrics } from "../../../src/metrics/process.ts";
import { registerProgramMetrics } from "../../../src/metrics/programs.ts";
import { registerRuleMetrics } from "../../../src/metrics/rules.ts";
import { decisionCounter } from "../../../src/native/counters.ts";
import { COUNT, COUNTERS, PHASE, REASON, VERDICT } from "../../../src/native/layout.ts";
import { assignSlots } from "../../../src/policy/compile/slots.ts";
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
	const text = await exposeText(registry);
	expect(sorted(await registry.metrics()), "prom-client writes the same").toEqual(sorted(text));
	return text.split("\n");
}

const sorted = (text: string) =>
	text
		.split("\n")
		.filter((line) => line !== "")
		.sort();

test("decisions by phase, verdict and reason; what observe would deny has its own metric", async () => {
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

test("rules by name, also those that are gone; enforced and observed apart", async () => {
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

test("every metric has a help text, a base unit and its own name", async () => {
	const lines = await scrape(() => {});
	const helps = lines.filter((line) => line.startsWith("# HELP"));
	expect(helps.length).toBeGreaterThan(12);
	for (const help of helps) expect(help.length, help).toBeGreaterThan(40);
	for (const type of lines.filter((line) => /^# TYPE .* counter/.test(line))) expect(type).toMatch(/_total counter$/);
});

test("the process's metrics keep no timer", async () => {
	const registry = new Registry();
	registerProcessMetrics(registry);
	const text = await exposeText(registry);
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

test("maps are counted once a minute, and a map that cannot be read leaves what was known", async () => {
	let [now, counted, broken] = [0, 0, false];
	const count = async () => {
		counted++;
		if (broken) throw new Error("closed");
		return { entries: counted, capacity: 10 };
	};
	const fills = new MapFills({ count }, () => now);
	const registry = new Registry();
	registerMapMetrics(registry, fills);
	expect(await exposeText(registry)).toContain('sallyport_map_entries{map="names"} 1\n');
	expect(await exposeText(registry)).toContain('sallyport_map_capacity{map="flows"} 10\n');
	expect(counted).toBe(8);
	now = 61_000;
	broken = true;
	await fills.read();
	await new Promise((resolve) => setImmediate(resolve));
	expect(counted).toBe(9);
	expect(fills.known[0]).toEqual({ name: "names", entries: 1, capacity: 10 });
});
