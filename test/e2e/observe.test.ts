/**
 * Mode observe: every connection passes, and its record has the rule by which enforce would have denied it. Also the command
 * `observe`.
 */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ConnectionView } from "../../src/records/view.ts";
import type { Seen } from "../support/api.ts";
import { NODE, ROOT } from "../support/paths.ts";
import { policy, type TestRule } from "../support/policies.ts";
import { end, SLOW, until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { BAD4, EDGE4, NAMELESS4, WWW4 } from "../support/zones.ts";

const RULES: TestRule[] = [
	{ name: "no-question", action: "deny", phases: ["dns"], to: { domain: "www.bad.test" } },
	{ name: "no-smtp", action: "deny", to: { ports: PORTS.smtp, protocol: "tcp" } },
	{ name: "good", to: { domain: "**.good.test", ports: PORTS.tls } },
	{ name: "echo", to: { ports: PORTS.echo } },
];

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ mode: "observe", rules: RULES }));
});
afterAll(() => stage?.close());

test("every connection passes, and is recorded as would_deny with the rule, phase and reason of enforce", {
	timeout: 30_000 * SLOW,
}, async () => {
	const attempts: { what: string; like: Partial<Seen>; run: () => Promise<boolean> }[] = [
		{ what: "smtp", like: { address: NAMELESS4, port: PORTS.smtp }, run: () => works(NAMELESS4, PORTS.smtp) },
		{ what: "no rule", like: { address: NAMELESS4, port: PORTS.sink }, run: () => works(NAMELESS4, PORTS.sink) },
		{ what: "allowed", like: { address: NAMELESS4, port: PORTS.echo }, run: () => works(NAMELESS4, PORTS.echo) },
		{
			what: "allowed name",
			like: { address: WWW4, port: PORTS.tls },
			run: async () => (await stage.curl("https://www.good.test/", ["-4"])).ok,
		},
		{
			what: "denied name",
			like: { address: BAD4, port: PORTS.tls },
			run: async () => (await stage.curl("https://www.bad.test/", ["-4", "--resolve", `www.bad.test:443:${BAD4}`])).ok,
		},
		{
			what: "another name",
			like: { address: EDGE4, port: PORTS.tls },
			run: async () => (await stage.curl("https://www.good.test/", ["--resolve", `www.good.test:443:${EDGE4}`])).ok,
		},
		{
			what: "udp",
			like: { address: NAMELESS4, port: PORTS.udp, protocol: "udp" },
			run: async () => (await stage.probe(["udp", NAMELESS4, PORTS.udp, "sendto", "hello"])).errno === "0",
		},
	];
	const observed = new Map<string, Record<string, string>>();
	for (const { what, like, run } of attempts) {
		expect(await run(), what).toBe(true);
		const seen = await stage.record({
			...like,
			kind: "connection",
			verdict: what.startsWith("allowed") ? "allow" : "would_deny",
		});
		observed.set(what, seen.decisions);
	}
	expect((await stage.records({ verdict: "deny" })).length).toBe(0);

	await stage.daemon.put(policy({ rules: RULES }));
	for (const { what, like, run } of attempts) {
		const allowed = what.startsWith("allowed");
		expect(await run(), what).toBe(allowed);
		const seen = await stage.record({ ...like, kind: "connection", verdict: allowed ? "allow" : "deny" });
		// observe continues with later phases, so compare the phase in which enforce decided
		const [phase = "", decision = ""] = Object.entries(seen.decisions).at(-1) ?? [];
		expect(observed.get(what)?.[phase]?.replace("would_", ""), what).toBe(decision);
	}
});

test("a query that phase dns would deny is answered, and recorded as would_deny", async () => {
	await stage.daemon.put(policy({ mode: "observe", rules: RULES }));
	expect(await stage.curl("https://www.bad.test/", ["-4"])).toMatchObject({ ok: true });
	expect(
		await stage.record({ kind: "dns", name: "www.bad.test", verdict: "would_deny", phase: "dns", rule: "no-question" }),
	).toBeDefined();
});

test("observe beside an enforcing daemon shows that daemon's verdicts, and beside them those of its own policy", {
	timeout: 60_000 * SLOW,
}, async () => {
	await stage.daemon.put(policy({ rules: RULES }));
	const own = join(stage.world.folder, "own.yaml");
	writeFileSync(own, policy({ rules: [{ name: "sink", to: { ports: PORTS.sink } }] }));
	await using observer = await observe("--service", stage.daemon.socket, "--policy", own);
	expect(observer.stderr()).toContain(`the daemon with process ${stage.daemon.pid} enforces here`);
	const denied = await stage.probe(["tcp", NAMELESS4, PORTS.sink, "hello"]);
	const allowed = await stage.probe(["tcp", NAMELESS4, PORTS.echo, "hello"]);
	const named = ["-4", "--resolve", `www.bad.test:443:${WWW4}`];
	expect(await stage.curl("https://www.good.test/", ["-4"])).toMatchObject({ ok: true });
	expect([denied.errno, allowed.errno]).toEqual(["EACCES", "0"]);
	expect(await stage.curl("https://www.bad.test/", named)).toMatchObject({ ok: false });
	expect(await observer.row(({ remotePort }) => remotePort === PORTS.sink)).toMatchObject({
		verdict: "deny",
		phase: "connect",
		end: "denied",
		observed: { verdict: "allow", rule: "sink" },
	});
	expect(await observer.row(({ remotePort }) => remotePort === PORTS.echo)).toMatchObject({
		verdict: "allow",
		rule: "echo",
		observed: { verdict: "would_deny", rule: null },
	});
	/* This connection opens first, and its name denies it afterwards. */
	expect(await observer.row(({ remote, verdict }) => remote === WWW4 && verdict === "deny")).toMatchObject({
		phase: "tls",
		observed: { verdict: "would_deny" },
	});
});

test("observe shows the verdicts of a daemon that starts after it", { timeout: 60_000 * SLOW }, async () => {
	stage.daemon.stop();
	writeFileSync(stage.daemon.policyFile, policy({ rules: RULES }));
	await using observer = await observe("--service", stage.daemon.socket);
	await stage.daemon.start();
	const found = `the daemon with process ${stage.daemon.pid} enforces here`;
	await until("the daemon is found", 10_000, () => observer.stderr().includes(found) || undefined);
	expect((await stage.probe(["tcp", NAMELESS4, PORTS.sink, "hello"])).errno).toBe("EACCES");
	expect(await observer.row(({ remotePort }) => remotePort === PORTS.sink)).toMatchObject({
		verdict: "deny",
		observed: { verdict: "allow" },
	});
});

test("observe without a daemon shows its own verdicts, reports other attached programs, and leaves nothing", {
	timeout: 60_000 * SLOW,
}, async () => {
	await using observer = await observe("--service", join(stage.world.folder, "no.sock"));
	expect(observer.stderr()).toMatch(/other BPF programs are attached here.*connect4 \(/);
	expect(await works(NAMELESS4, PORTS.echo)).toBe(true);
	const row = await observer.row(({ remotePort }) => remotePort === PORTS.echo);
	expect(row).toMatchObject({ verdict: "allow", reason: "default" });
	expect(row).not.toHaveProperty("observed");
});

interface Observer extends AsyncDisposable {
	readonly stderr: () => string;
	readonly row: (like: (row: ConnectionView) => boolean) => Promise<ConnectionView>;
}

async function observe(...flags: readonly string[]): Promise<Observer> {
	const { cgroup, pins, folder } = stage.world;
	const place = ["--cgroup", cgroup.path, "--pins", join(dirname(pins), "observer")];
	const args = [join(ROOT, "src/main.ts"), "observe", ...place, ...flags];
	const child = spawn(NODE, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
	const text = { out: "", err: "" };
	child.stdout.setEncoding("utf8").on("data", (part: string) => {
		text.out += part;
	});
	child.stderr.setEncoding("utf8").on("data", (part: string) => {
		text.err += part;
	});
	const rows = () =>
		text.out
			.split("\n")
			.slice(0, -1)
			.map((line) => JSON.parse(line) as ConnectionView);
	const observer: Observer = {
		stderr: () => text.err,
		row: (like) => until(`a row of ${text.out}${text.err}`, 8_000, () => rows().find(like)),
		async [Symbol.asyncDispose]() {
			end(child.pid, "SIGTERM", 10_000);
		},
	};
	/* The programs are attached once the command shows a connection of the test. */
	const { pid } = await until("the observer is attached", 20_000, async () => {
		const tried = await stage.probe(["udp", NAMELESS4, PORTS.udp, "sendto", "hello"]);
		return rows().length > 0 ? tried : undefined;
	});
	expect(pid).toBeGreaterThan(0);
	return observer;
}

async function works(address: string, port: number): Promise<boolean> {
	return (await stage.probe(["tcp", address, port, "hello"])).errno === "0";
}
