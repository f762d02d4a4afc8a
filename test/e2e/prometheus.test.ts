/** Debian's Prometheus scrapes the daemon's listener, and the queries of the documentation return results. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { makeCertificates } from "../support/certificates.ts";
import { policy, type TestRule } from "../support/policies.ts";
import { freePort, Prometheus } from "../support/prometheus.ts";
import { run, until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";

const TOKEN = "a-token-of-more-than-16";
const RULES: readonly TestRule[] = [
	{ name: "five", to: { cidr: "198.19.5.0/24", ports: PORTS.echo } },
	{ name: "six", action: "deny", to: { cidr: "198.19.6.0/24" } },
];

let stage: Stage;
let address: string;
let certificates: ReturnType<typeof makeCertificates>;
let prometheus: Prometheus;
beforeAll(async () => {
	address = `127.0.0.1:${await freePort()}`;
	stage = await Stage.make(policy({ rules: RULES }), { start: false });
	const { folder } = stage.world;
	certificates = makeCertificates(folder);
	writeFileSync(join(folder, "token"), TOKEN, { mode: 0o600 });
	stage.daemon.flags.push(
		...["--metrics-listen", address, "--metrics-token-file", join(folder, "token")],
		...["--metrics-tls-cert", certificates.cert, "--metrics-tls-key", certificates.key, "--metrics-top-names", "10"],
	);
	await stage.daemon.start();
});
afterAll(() => stage?.close());

const storm = (to: string, count: number) =>
	stage.world.run([stage.world.client("storm"), to, String(count), String(PORTS.echo)]);

test("promtool accepts the metrics", async () => {
	await storm("198.19.5.1", 100);
	await storm("198.19.6.1", 100);
	const reply = await run([
		...["curl", "-sS", "--cacert", certificates.ca, "-H", `Authorization: Bearer ${TOKEN}`],
		...["--connect-to", `metrics.good.test:443:${address}`, "https://metrics.good.test/metrics"],
	]);
	expect(reply.stdout, reply.stderr).toContain("sallyport_decisions_total");
	const checked = spawnSync("promtool", ["check", "metrics"], { input: reply.stdout, encoding: "utf8" });
	expect(checked.stdout + checked.stderr).toBe("");
	expect(checked.status).toBe(0);
	const overSocket = (await stage.daemon.ask("GET", "/metrics")).text;
	const names = (text: string) => [...text.matchAll(/^# TYPE (\w+)/gm)].map((match) => match[1]);
	expect(names(overSocket)).toEqual(names(reply.stdout));
});

test("Prometheus scrapes over TLS with the token, and rate() finds the denials", async () => {
	prometheus = await Prometheus.start(
		stage.world.folder,
		{
			address,
			more: `    scheme: https
    authorization: { credentials_file: ${join(stage.world.folder, "token")} }
    tls_config: { ca_file: ${certificates.ca}, server_name: metrics.good.test }`,
		},
		stage.world.cleanup,
	);
	await until("a scrape", 10_000, async () => (await prometheus.query("up == 1")).length > 0 || undefined).catch(
		async (error) => {
			throw new Error(`${error.message}: ${await prometheus.scrapeError()}`);
		},
	);
	const denied = 'sallyport_rule_decisions_total{rule="six",phase="connect",action="deny"}';
	const before = Number((await prometheus.query(denied))[0]?.value[1]);
	await storm("198.19.6.1", 500);
	await until("the denials", 10_000, async () => {
		const [series] = await prometheus.query(denied);
		return Number(series?.value[1]) === before + 500 || undefined;
	});
	const rate = await until("a rate", 10_000, async () => {
		const [series] = await prometheus.query(
			'sum(rate(sallyport_decisions_total{phase="connect",verdict="deny"}[30s]))',
		);
		return Number(series?.value[1]) > 0 ? Number(series?.value[1]) : undefined;
	});
	expect(rate).toBeGreaterThan(1);
	const byMode = await prometheus.query("sum by (verdict, mode) (rate(sallyport_decisions_total[30s]))");
	expect(byMode.map(({ metric }) => `${metric["mode"]} ${metric["verdict"]}`).sort()).toEqual([
		"enforce allow",
		"enforce deny",
		"observe allow",
	]);
	expect(await prometheus.query("time() - sallyport_policy_loaded_timestamp_seconds < 600")).toHaveLength(1);
	expect(await prometheus.scrapeError()).toBe("");
});

test("the queries of the dashboard and the values of the alerts have results", async () => {
	await stage.daemon.put(policy({ mode: "observe", rules: RULES }));
	for (const end = performance.now() + 3_000; performance.now() < end; ) await storm("198.19.6.1", 100);
	await stage.daemon.put(policy({ rules: RULES }));
	await until(
		"mode enforce",
		10_000,
		async () => (await prometheus.query('sallyport_policy_info{mode="enforce"}')).length > 0 || undefined,
	);
	for (const [title, query] of dashboardQueries())
		expect((await prometheus.query(query)).length, `${title}: ${query}`).toBeGreaterThan(0);
	for (const [alert, values] of alertValues())
		for (const value of values) expect((await prometheus.query(value)).length, `${alert}: ${value}`).toBeGreaterThan(0);
});

function example(name: string): string {
	return readFileSync(new URL(`../../docs/examples/${name}`, import.meta.url), "utf8");
}

function dashboardQueries(): [title: string, query: string][] {
	const { panels } = JSON.parse(example("dashboard.json")) as {
		panels: { title: string; targets: { expr: string }[] }[];
	};
	return panels.flatMap(({ title, targets }) =>
		targets.map(({ expr }): [string, string] => [
			title,
			expr.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "30s"),
		]),
	);
}

/*
 * An alert that does not fire proves nothing, because its metric may not exist. The test queries the values that each alert
 * compares.
 */
function alertValues(): [alert: string, values: string[]][] {
	const { groups } = parse(example("alerts.yml")) as { groups: { rules: { alert: string; expr: string }[] }[] };
	return groups.flatMap(({ rules }) =>
		rules.map(({ alert, expr }): [string, string[]] => [
			alert,
			expr
				.split(" unless on (instance) ")
				.map((value) => value.replace(/ (==|>) \d+$/, "").replace('mode!="enforce"', 'mode!="observe"')),
		]),
	);
}
