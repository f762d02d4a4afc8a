/** The files in docs/examples are valid: policies, Prometheus rules (promtool), and queries of existing metrics. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { hostEnvironment } from "../../../src/enforce/policy-environment.ts";
import { parsePolicy } from "../../../src/policy/read/parse.ts";
import { ableWith } from "../../support/able.ts";

const ROOT = join(import.meta.dirname, "../../..");
const EXAMPLES = join(ROOT, "docs/examples");
const read = (name: string) => readFileSync(join(EXAMPLES, name), "utf8");

test.each([["docs/examples/ec2.yaml"], ["systemd/policy.yaml"]])(
	"%s is a policy without warnings, and blocks nothing yet",
	(file) => {
		/* This host need not have the programs of an example. */
		const environment = { ...hostEnvironment({ folder: ROOT, uidOf: () => 0 }), whyNoProgram: () => null };
		const parsed = parsePolicy(readFileSync(join(ROOT, file), "utf8"), file, environment);
		expect(parsed.ok ? [] : parsed.problems).toEqual([]);
		expect(parsed.ok && parsed.warnings).toEqual([]);
		expect(parsed.ok && parsed.policy.mode).toBe("observe");
	},
);

test.runIf(ableWith("promtool"))("promtool takes the alert rules and the scrape configuration", () => {
	for (const args of [
		["check", "rules", "alerts.yml"],
		["check", "config", "--syntax-only", "prometheus-ec2.yml"],
	]) {
		const { status, stdout, stderr } = spawnSync("promtool", args, { cwd: EXAMPLES, encoding: "utf8" });
		expect(status, stdout + stderr).toBe(0);
	}
});

/** The labels of each metric, as registered in the source. */
function metrics(): Set<string> {
	const folder = join(ROOT, "src/metrics");
	const text = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
	return new Set(text.flatMap((each) => [...each.matchAll(/"(sallyport_[a-z_]+)"/g)].map(([, name = ""]) => name)));
}

function queries(): string[] {
	const { groups } = parse(read("alerts.yml")) as { groups: { rules: { expr: string }[] }[] };
	const board = JSON.parse(read("dashboard.json")) as {
		templating: { list: { query: { query: string } | string }[] };
		panels: { targets: { expr: string }[] }[];
	};
	const variables = board.templating.list.map(({ query }) => (typeof query === "string" ? "" : query.query));
	const panels = board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
	return [...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)), ...variables, ...panels];
}

test("every query of alerts and dashboard uses an existing metric", () => {
	const known = metrics();
	const asked = queries().flatMap((query) => query.match(/sallyport_[a-z_]+/g) ?? []);
	expect(asked.length).toBeGreaterThan(15);
	expect(asked.filter((name) => !known.has(name))).toEqual([]);
});

test.runIf(ableWith("promtool"))("every query of the dashboard is PromQL", () => {
	const rules = queries()
		.filter((query) => query !== "" && !query.startsWith("label_values"))
		.map((query) => query.replaceAll("$__rate_interval", "5m").replaceAll("$instance", ".*"))
		.map((expr, index) => ({ record: `query:${index}`, expr }));
	const folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	const file = join(folder, "queries.json");
	writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
	const { status, stderr } = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
	rmSync(folder, { recursive: true });
	expect(status, stderr).toBe(0);
});
