import { join } from "node:path";
import { expect, test } from "vitest";
import { SallyportError } from "../../../src/base/errors.ts";
import { liveConnectionTable } from "../../../src/cli/connection-table.ts";
import { headerLine, layOut, rowLine } from "../../../src/cli/table.ts";
import { VERDICT } from "../../../src/native/layout.ts";
import type { ConnectionView } from "../../../src/records/view.ts";
import { connect, hello, processEvent, question } from "../support/events.ts";
import { TableHarness } from "../support/table-harness.ts";
import { cli, Terminal } from "./terminal.ts";

function harness() {
	const filled = new TableHarness();
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

const COMMANDS = [
	...[
		"",
		"run",
		"observe",
		"connections",
		"top",
		"names",
		"stream",
		"status",
		"policy",
		"metrics-user",
		"completion",
		"man",
	],
	...["policy check", "policy explain", "policy show", "policy apply", "policy diff"],
];

test.each(COMMANDS)("%s --help has examples and ends well", async (command) => {
	const { code, stdout } = await cli(`${command} --help`);
	expect(code).toBe(0);
	expect(stdout).toContain("Examples:");
	const prints = ["", "policy", "metrics-user", "completion", "man"];
	if (!prints.includes(command)) expect(stdout).toContain("--json");
});

test.each([
	"bogus",
	"run --nope",
	"policy check",
	"connections --verdict maybe",
	"connections --limit 0",
	"run --on-exit explode",
	"observe extra",
	"run --metrics-top-names 1001",
	"connections --port 70000",
	"connections --port 9-3",
	"connections x",
	"top --by name,unit,user",
	"top --by nonsense",
	"policy explain --to nonsense:x",
	"policy explain",
	"completion fish",
	"connections --unit= --verdict deny",
	"observe --columns time,nosuch",
	"stream --columns nosuch",
	"top --columns name,port",
	"names --columns nosuch",
	"replay --columns verdict a.pcap",
	"policy diff --columns , p.yaml",
	"connections --columns id --json",
])("wrong use is exit code 2: %s", async (line) => {
	const { code, stderr } = await cli(line);
	expect(code).toBe(2);
	expect(stderr).toMatch(/error:|sallyport:/);
});

test.each([
	["connections abc", "'abc' is not a record id (the ID column of `sallyport connections`)."],
	["connections --unit=", "--unit must not be empty."],
	["connections --port 9-3", "'9-3' is not a port or a range such as 8000-8999."],
	["top --by x\x1b", "'x\\x1b' is not one or two of verdict, "],
	["completion fish", "'fish' is not one of bash, zsh."],
	["connections --sort name", "'name' is not one of -first, first, "],
	["connections --verdict maybe", "'maybe' is not allow, deny or would_deny."],
	["names --columns name,nosuch", "There is no column 'nosuch'. The columns are name, questions, "],
	["observe --limit 3", "unknown option '--limit'"],
])("wrong use is explained in the user's words: %s", async (line, words) => {
	const { code, stderr } = await cli(line);
	expect(code).toBe(2);
	expect(stderr.startsWith(`sallyport: ${words}`), stderr).toBe(true);
});

test.each([
	[["status", "--socket", ""], "A path must not be empty."],
	[["policy", "explain", "--unit", ""], "--unit must not be empty."],
	[["names", ""], "name must not be empty."],
	[["policy", "check", ""], "A path must not be empty."],
])("an empty value is refused: %j", async (args, words) => {
	expect(await cli(args)).toMatchObject({ code: 2, stderr: `sallyport: ${words}\n` });
});

test("observe does not start with an unknown column", async () => {
	const { terminal } = await cli("observe --columns nosuch");
	expect(terminal.configs).toEqual([]);
});

test("observe --columns writes full-width rows to a pipe", async () => {
	const terminal = new Terminal();
	terminal.size.width = 40;
	terminal.connections = harness().views();
	const { stdout } = await cli("observe --columns verdict,name --no-headers", terminal);
	expect(stdout.split("\n")[0]).toBe("allow       api.example.com (sni)");
});

test("run applies its flags over the defaults, and stops cleanly", async () => {
	const { code, terminal } = await cli("run --policy p.yaml --listen 127.0.0.1:9440 --on-exit open");
	expect(code).toBe(0);
	expect(terminal.configs[0]).toMatchObject({
		policy: join(process.cwd(), "p.yaml"),
		pins: "/sys/fs/bpf/sallyport",
		socket: "/run/sallyport/sallyport.sock",
		listen: "127.0.0.1:9440",
		onExit: "open",
		forceObserve: false,
		cgroup: null,
	});
	expect(terminal.calls).toEqual(["stop"]);
});

test("observe has its own pins, blocks nothing and stores nothing; it prints lines of JSON without a terminal", async () => {
	const terminal = new Terminal();
	terminal.connections = harness().views();
	const { code, stdout, stderr } = await cli("observe --cgroup /x --no-dns", terminal);
	expect(code).toBe(0);
	expect(terminal.configs[0]).toMatchObject({
		policy: null,
		forceObserve: true,
		cgroup: "/x",
		onExit: "open",
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
	terminal.connections = harness().views();
	const { stdout, stderr } = await cli("observe", terminal);
	const lines = stdout.trimEnd().split("\n");
	expect(lines).toHaveLength(5);
	// biome-ignore lint/suspicious/noControlCharactersInRegex: colours
	for (const line of lines) expect(line.replaceAll(/\x1b\[[\d;]*m/g, "").length).toBeLessThanOrEqual(140);
	expect(stderr).toBe("sallyport: 3 connections and 1 DNS question; observe has left nothing in the kernel\n");
});

test("a failed start is reported in one sentence, with its exit code", async () => {
	const terminal = new Terminal();
	terminal.failure = new SallyportError("NOT_ROOT", "Must be root.", "Use sudo.");
	expect(await cli("run", terminal)).toMatchObject({ code: 10, stderr: "sallyport: Must be root. Use sudo.\n" });
	const surprised = new Terminal();
	surprised.failure = new Error("boom");
	expect(await cli("run", surprised)).toMatchObject({ code: 1, stderr: "sallyport: boom\n" });
});

test("policy check: text without control characters, JSON for scripts, exit code 3", async () => {
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

test("policy check: a warning is printed and changes the exit code only with --strict", async () => {
	const warning = expect.stringContaining("wide.yaml:1:2: warning: open\\x1b\n");
	const ok = expect.stringContaining("wide.yaml: ok");
	expect(await cli("policy check wide.yaml")).toMatchObject({ code: 0, stderr: warning, stdout: ok });
	expect(await cli("policy check wide.yaml --strict")).toMatchObject({ code: 3, stderr: warning, stdout: "" });
	const { code, stdout } = await cli("policy check wide.yaml --json");
	expect([code, JSON.parse(stdout)]).toMatchObject([0, { ok: true, problems: [], warnings: [{ line: 1, column: 2 }] }]);
});

test("a row shows process, destination, name with its source, verdict and rule", () => {
	const layout = layOut(liveConnectionTable(), {}, 160, null);
	const rows = harness()
		.views()
		.map((view) => rowLine(layout, view, false));
	expect(headerLine(layout, false)).toMatch(/^TIME +PROCESS +UNIT\/CONTAINER +DESTINATION +NAME +VERDICT +RULE$/);
	expect(rows[0]).toMatch(/curl\[42\] .*tcp 192\.0\.2\.1:443 .*api\.example\.com \(sni\) .*allow +web\/api$/);
	expect(rows[1]).toMatch(/tcp \[2001:db8::1\]:443 .* deny +connect: default$/);
	expect(rows[3]).toMatch(/udp 10\.0\.0\.2:53 .*www\.example\.org \(A\?\)/);
});
