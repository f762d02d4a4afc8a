/** Each alert of docs/examples/alerts.yml fires for what it is about, and only then: promtool evaluates it on series of samples. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { ableWith } from "../../support/able.ts";
import { ROOT } from "../../support/paths.ts";

interface Rule {
	readonly alert: string;
	readonly labels: Record<string, string>;
	readonly annotations: { readonly summary: string };
}

/** Samples in promtool's notation, one a minute; the alert is looked at after two hours. */
interface Case {
	readonly alert: string;
	/** Of the series, without name. */
	readonly labels?: Record<string, string>;
	readonly series: string;
	readonly fires: string;
	readonly quiet: string;
	/** `$value` in the summary, as it is shown. */
	readonly value?: string;
}

/** A counter that does not change until the 115th minute, as after a burst of a moment. */
const BURST = "0x114 7x6";
const STEADY = "7x120";

const CASES: readonly Case[] = [
	{ alert: "SallyportDown", labels: { job: "sallyport" }, series: "up", fires: "1x100 0x20", quiet: "1x120" },
	{ alert: "SallyportPolicyRefused", series: "sallyport_policy_load_success", fires: "1x100 0x20", quiet: "1x120" },
	{ alert: "SallyportNoPolicy", series: "sallyport_policy_generation", fires: "0x120", quiet: "3x120" },
	{ alert: "SallyportDetached", series: "sallyport_attached", fires: "1x119 0x1", quiet: "1x120" },
	{ alert: "SallyportAttachedAgain", series: "sallyport_attachment_repairs_total", fires: BURST, quiet: STEADY },
	{
		alert: "SallyportPolicyOfEarlierDaemon",
		series: "sallyport_policy_generation",
		fires: "3x120",
		quiet: "0x120",
	},
	{
		alert: "SallyportNotEnforcing",
		labels: { mode: "observe" },
		series: "sallyport_policy_info",
		fires: "1x120",
		quiet: "0x120",
	},
	{ alert: "SallyportEventsLost", series: "sallyport_events_lost_total", fires: BURST, quiet: STEADY },
	{ alert: "SallyportConnectionsDropped", series: "sallyport_connections_dropped_total", fires: BURST, quiet: STEADY },
	{
		alert: "SallyportMapFull",
		labels: { map: "learned" },
		series: "sallyport_map_full_total",
		fires: BURST,
		quiet: STEADY,
	},
	{ alert: "SallyportHistoryNotWritten", series: "sallyport_history_healthy", fires: "1x110 0x10", quiet: "1x120" },
	{ alert: "SallyportHistoryLosesRecords", series: "sallyport_history_dropped_total", fires: BURST, quiet: STEADY },
	{
		alert: "SallyportHistoryBehind",
		series: "sallyport_history_lag_seconds",
		fires: "0x100 90x20",
		quiet: "2x120",
		value: "1m 30s",
	},
	{
		alert: "SallyportHistoryWriterRestarts",
		series: "sallyport_history_writer_restarts_total",
		fires: "0x80 1x40",
		quiet: "1x120",
	},
	{
		alert: "SallyportDenials",
		labels: { phase: "connect" },
		series: "sallyport_decisions_total",
		fires: "0+120x120",
		quiet: "0+30x120",
		value: "2",
	},
];

const FILE = join(ROOT, "docs/examples/alerts.yml");
const { groups } = parse(readFileSync(FILE, "utf8")) as { groups: { rules: Rule[] }[] };
const RULES = groups.flatMap(({ rules }) => rules);

test("every alert is tested", () => {
	expect(CASES.map(({ alert }) => alert).sort()).toEqual(RULES.map(({ alert }) => alert).sort());
});

test.runIf(ableWith("promtool"))("each alert fires for what it is about, and not otherwise", () => {
	const folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	try {
		const tests = CASES.flatMap((each) => [testOf(each, true), testOf(each, false)]);
		const file = join(folder, "tests.json");
		writeFileSync(file, JSON.stringify({ rule_files: [FILE], evaluation_interval: "1m", tests }));
		const { status, stdout, stderr } = spawnSync("promtool", ["test", "rules", file], { encoding: "utf8" });
		expect(status, stdout + stderr).toBe(0);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
});

test.runIf(ableWith("promtool"))("promtool finds no fault in the rules, and finds one in a wrong rule", () => {
	const check = (input: string) => {
		const folder = mkdtempSync(join(tmpdir(), "sallyport-"));
		writeFileSync(join(folder, "rules.yml"), input);
		const { status } = spawnSync("promtool", ["check", "rules", "--lint-fatal", "rules.yml"], { cwd: folder });
		rmSync(folder, { recursive: true });
		return status;
	};
	const text = readFileSync(FILE, "utf8");
	expect(check(text)).toBe(0);
	expect(check(text.replace("== 0", "=== 0"))).not.toBe(0);
});

function testOf({ alert, labels = {}, series, fires, quiet, value }: Case, firing: boolean) {
	const rule = RULES.find((each) => each.alert === alert);
	const own = { instance: "host:9441", ...labels };
	const shown = { ...own, ...(series === "sallyport_decisions_total" ? { verdict: "deny" } : {}) };
	const text = Object.entries(shown).map(([name, each]) => `${name}="${each}"`);
	const summary = rule?.annotations.summary
		.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_all, name: keyof typeof own) => own[name])
		.replaceAll(/\{\{ \$value[^}]*\}\}/g, value ?? "");
	return {
		name: `${alert}, ${firing ? "fires" : "quiet"}`,
		interval: "1m",
		input_series: [{ series: `${series}{${text.join(",")}}`, values: firing ? fires : quiet }],
		alert_rule_test: [
			{
				eval_time: "2h",
				alertname: alert,
				exp_alerts: firing ? [{ exp_labels: { ...own, ...rule?.labels }, exp_annotations: { summary } }] : [],
			},
		],
	};
}
