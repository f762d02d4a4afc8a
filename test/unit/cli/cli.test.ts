import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildApp } from "../../../src/api/app.ts";
import { listenOnSocket } from "../../../src/api/listen.ts";
import type { CliDeps, RunningDaemon } from "../../../src/cli/deps.ts";
import { runCommandLine } from "../../../src/cli/program.ts";
import { tableHeader, tableRow } from "../../../src/cli/table.ts";
import type { Config } from "../../../src/config.ts";
import type { ConnectionView } from "../../../src/connections/view.ts";
import { SallyportError } from "../../../src/errors.ts";
import { jsonLogger } from "../../../src/logger.ts";
import { VERDICT } from "../../../src/native/layout.ts";
import { Desk } from "../support/desk.ts";
import { connect, hello, processEvent, question } from "../support/events.ts";
import { FakeServices } from "../support/services.ts";

class Terminal implements CliDeps {
	readonly version = "9.9.9";
	stdout = "";
	stderr = "";
	readonly configs: Config[] = [];
	readonly calls: string[] = [];
	connections: ConnectionView[] = [];
	failure: Error | null = null;
	readonly isTerminal: boolean;
	readonly out;
	readonly err;
	readonly signals = { ended: async () => {}, onHangup: () => {} };

	constructor(isTerminal = false) {
		this.isTerminal = isTerminal;
		this.out = { ...this.#stream((text) => (this.stdout += text)) };
		this.err = { ...this.#stream((text) => (this.stderr += text)) };
	}

	async start(config: Config): Promise<RunningDaemon> {
		this.configs.push(config);
		if (this.failure !== null) throw this.failure;
		return {
			watch: (emit) => {
				for (const connection of this.connections) emit(connection);
				return () => this.calls.push("unwatch");
			},
			reload: () => {},
			summary: () => ({ lost: 0 }),
			stop: async () => void this.calls.push("stop"),
		};
	}

	checkPolicy(file: string) {
		const ok = !file.includes("bad");
		const problem = { file, line: 1, column: 2, path: "mode", message: "wrong\x1b", expected: "right" };
		return {
			file,
			ok,
			problems: ok ? [] : [problem],
			lines: ok ? [] : [`${file}:1:2: wrong\x1b`],
			facts: ok ? { mode: "enforce", rules: 1, prefixes: 2, names: 1, bytes: 4096 } : null,
		};
	}

	#stream(append: (text: string) => void) {
		return {
			terminal: this.isTerminal,
			colours: this.isTerminal,
			width: () => 140,
			onClosed: () => {},
			write: (text: string) => {
				append(text);
				return true;
			},
		};
	}
}

async function cli(line: string, terminal = new Terminal()) {
	const code = await runCommandLine(
		line.split(" ").filter((word) => word !== ""),
		{ ...terminal, start: terminal.start.bind(terminal), checkPolicy: terminal.checkPolicy.bind(terminal) },
	);
	return { code, terminal, stdout: terminal.stdout, stderr: terminal.stderr };
}

function desk() {
	const filled = new Desk();
	filled.rules.set("1 0", { group: "web", name: "api" });
	filled.feed(
		processEvent(),
		connect({ cookie: 1n }),
		hello("api.example.com", { cookie: 1n, rule: 0, reason: 1 }),
		connect({ cookie: 2n, remote: "2001:db8::1", verdict: VERDICT.deny }),
		connect({ cookie: 3n, remote: "192.0.2.9", verdict: VERDICT.wouldDeny }),
		question("www.example.org", 1, { cookie: 4n }),
	);
	return filled;
}

test.each(["", "run ", "observe ", "policy check ", "connections ", "status "])(
	"%s--help has examples and ends well",
	async (command) => {
		const { code, stdout } = await cli(`${command}--help`);
		expect(code).toBe(0);
		expect(stdout).toContain("Examples:");
	},
);

test.each([
	"bogus",
	"run --nope",
	"policy check",
	"connections --verdict maybe",
	"connections --limit 0",
	"run --on-exit explode",
	"observe extra",
])("wrong use is exit code 2: %s", async (line) => {
	const { code, stderr } = await cli(line);
	expect(code).toBe(2);
	expect(stderr).toContain("error:");
});

test("run takes its defaults from one place and its flags over them, and stops cleanly", async () => {
	const { code, terminal } = await cli("run --policy p.yaml --listen 127.0.0.1:9440 --on-exit detach");
	expect(code).toBe(0);
	expect(terminal.configs[0]).toMatchObject({
		policy: join(process.cwd(), "p.yaml"),
		pins: "/sys/fs/bpf/sallyport",
		socket: "/run/sallyport/sallyport.sock",
		listen: "127.0.0.1:9440",
		onExit: "detach",
		forceObserve: false,
		cgroup: null,
	});
	expect(terminal.calls).toEqual(["stop"]);
});

test("observe has pins of its own, blocks nothing, keeps nothing; lines of JSON where there is no terminal", async () => {
	const terminal = new Terminal();
	terminal.connections = desk().views();
	const { code, stdout, stderr } = await cli("observe --cgroup /x --no-dns", terminal);
	expect(code).toBe(0);
	expect(terminal.configs[0]).toMatchObject({
		policy: null,
		forceObserve: true,
		cgroup: "/x",
		onExit: "detach",
		stateDir: null,
		socket: null,
		pins: expect.stringMatching(/sallyport-observe-\d+$/),
	});
	expect(
		stdout
			.trimEnd()
			.split("\n")
			.map((line) => (JSON.parse(line) as ConnectionView).id),
	).toEqual([1, 2, 3]);
	expect(stderr).toBe("");
	expect(terminal.calls).toEqual(["unwatch", "stop"]);
});

test("observe on a terminal is a table that fits", async () => {
	const terminal = new Terminal(true);
	terminal.connections = desk().views();
	const { stdout, stderr } = await cli("observe", terminal);
	const lines = stdout.trimEnd().split("\n");
	expect(lines).toHaveLength(5);
	// biome-ignore lint/suspicious/noControlCharactersInRegex: colours
	for (const line of lines) expect(line.replaceAll(/\x1b\[[\d;]*m/g, "").length).toBeLessThanOrEqual(140);
	expect(stderr).toContain("4 connections");
});

test("what starting fails with is one sentence and its exit code", async () => {
	const terminal = new Terminal();
	terminal.failure = new SallyportError("NOT_ROOT", "Must be root.", "Use sudo.");
	expect(await cli("run", terminal)).toMatchObject({ code: 10, stderr: "sallyport: Must be root. Use sudo.\n" });
	const surprised = new Terminal();
	surprised.failure = new Error("boom");
	expect(await cli("run", surprised)).toMatchObject({ code: 1, stderr: "sallyport: boom\n" });
});

test("policy check: lines for people with nothing harmful in them, JSON for scripts, exit code 3", async () => {
	expect(await cli("policy check good.yaml")).toMatchObject({
		code: 0,
		stdout: expect.stringContaining("ok (mode enforce, 1 rule, 2 prefixes, 1 name, 4096 bytes"),
	});
	expect(await cli("policy check bad.yaml")).toMatchObject({
		code: 3,
		stderr: expect.stringContaining("bad.yaml:1:2: wrong\\x1b\n"),
		stdout: "",
	});
	const { code, stdout } = await cli("policy check bad.yaml --json");
	expect(code).toBe(3);
	expect(JSON.parse(stdout)).toMatchObject({ ok: false, problems: [{ line: 1, column: 2 }] });
});

test("rows keep what matters on a narrow terminal and never wrap", () => {
	const views = desk().views();
	for (const width of [60, 80, 100, 132, 200]) {
		for (const view of views) {
			const row = tableRow(view, { width, colours: false, date: false });
			expect(row.length).toBeLessThanOrEqual(Math.max(width, 75));
			expect(row).toContain(view.verdict.replace("_", " "));
		}
	}
	const wide = views.map((view) => tableRow(view, { width: 160, colours: false, date: false }));
	expect(tableHeader({ width: 160, colours: false, date: false })).toMatch(
		/^TIME +PROCESS +UNIT\/CONTAINER +DESTINATION +NAME +VERDICT +RULE$/,
	);
	expect(wide[0]).toMatch(/curl\[42\] .*tcp 192\.0\.2\.1:443 .*api\.example\.com \(sni\) .*allow +web\/api$/);
	expect(wide[1]).toMatch(/tcp \[2001:db8::1\]:443 .* deny +connect: default$/);
	expect(wide[3]).toMatch(/udp 10\.0\.0\.2:53 .*www\.example\.org \(A\?\)/);
});

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("connections and status speak to the daemon's socket", async () => {
	const socket = join(folder, "api.sock");
	const app = buildApp({ services: new FakeServices(desk()), log: jsonLogger(() => {}), mayChange: true });
	await listenOnSocket(app, socket, null);
	const table = await cli(`connections --socket ${socket} --verdict deny`);
	expect(table.code, table.stderr).toBe(0);
	expect(table.stdout.trimEnd().split("\n")).toHaveLength(2);
	const json = await cli(`connections --socket ${socket} --json --limit 2`);
	expect(
		json.stdout
			.trimEnd()
			.split("\n")
			.map((line) => (JSON.parse(line) as ConnectionView).kind),
	).toHaveLength(2);
	expect(await cli(`connections --socket ${socket} --address nonsense`)).toMatchObject({
		code: 31,
		stderr: expect.stringContaining("prefix"),
	});
	const status = await cli(`status --socket ${socket}`);
	expect(status.stdout).toContain("policy       /etc/sallyport/policy.yaml (mode enforce, 2 rules, generation 3");
	expect(status.stdout).toContain("bad\\x1b[2J");
	expect(JSON.parse((await cli(`status --socket ${socket} --json`)).stdout)).toMatchObject({ denied: 4, wouldDeny: 5 });
	await app.close();
	expect(await cli(`status --socket ${socket}`)).toMatchObject({
		code: 30,
		stderr: expect.stringContaining("cannot be reached"),
	});
});
