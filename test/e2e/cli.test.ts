/** Every command as a process, against a real daemon. */
import { spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ableWith } from "../support/able.ts";
import { NODE, ROOT } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { end, type Outcome, run, until } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { PORTS, Stage } from "../support/stage.ts";

const RULES = [
	{ name: "good", to: { domain: "**.good.test", ports: [443, PORTS.oddTls] } },
	{ name: "six", action: "deny" as const, to: { cidr: "198.19.6.0/24" } },
];

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: RULES }));
	await stage.curl("https://www.good.test/");
	await stage.curl("https://www.bad.test/");
	await stage.probe(["tcp", "198.19.6.1", PORTS.echo]);
	await stage.record({ name: "www.bad.test", kind: "connection", open: false });
});
afterAll(() => stage?.close());

const MAIN = join(ROOT, "src/main.ts");

function sallyport(...args: string[]): Promise<Outcome> {
	return run([NODE, MAIN, ...args, "--socket", stage.daemon.socket], { env: cleanEnvironment() });
}

async function words(...args: string[]): Promise<string> {
	const { code, stdout, stderr } = await sallyport(...args);
	expect(code, stderr).toBe(0);
	return stdout;
}

async function lines<T>(...args: string[]): Promise<T[]> {
	const text = await words(...args, "--json");
	return text
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as T);
}

test("connections, and the details of one", async () => {
	const denied = await lines<{ id: number; name: string }>("connections", "--verdict", "deny", "--since", "15m");
	expect(denied.map(({ name }) => name)).toContain("www.bad.test");
	const first = denied.find(({ name }) => name === "www.bad.test");
	const whole = await words("connections", String(first?.id));
	expect(whole).toMatch(/^name +www\.bad\.test/m);
	expect(whole).toMatch(/^verdict +deny/m);
	expect(await words("connections", "--name", "*.good.test", "--port", "400-500")).toMatch(/www\.good\.test.*allow/);
});

test("top, names, status", async () => {
	const top = await lines<{ key: { name: string | null }; count: number }>(
		"top",
		"--by",
		"name",
		"--kind",
		"connection",
	);
	expect(top.map(({ key }) => key.name)).toEqual(expect.arrayContaining(["www.good.test", "www.bad.test"]));
	expect(await words("top", "--by", "process,verdict")).toMatch(/^curl +deny/m);
	expect(await words("top", "--by", "name", "--kind", "connection", "--remedy")).toMatch(
		/^www\.bad\.test: No rule allows it\. This one does\.\n {4}- \{ name: www\.bad\.test, action: allow, /m,
	);
	expect(await words("names", "*.good.test")).toContain("www.good.test");
	const name = await words("names", "www.good.test");
	expect(name).toMatch(/198\.19\.1\.2 \(TTL \d+ s/);
	expect(name).toContain("allow test/good");
	expect(await words("status")).toMatch(/^policy .*mode enforce, 2 rules/m);
});

test("stream shows events from now on", async () => {
	const child = spawn(
		NODE,
		[MAIN, "stream", "--name", "four.good.test", "--kind", "connection", "--socket", stage.daemon.socket],
		{
			stdio: ["ignore", "pipe", "pipe"],
			env: cleanEnvironment(),
		},
	);
	let text = "";
	child.stdout.setEncoding("utf8").on("data", (part) => {
		text += part;
	});
	try {
		await until("an event", 15_000, async () => {
			await stage.curl("https://four.good.test/", ["--connect-timeout", "1", "--max-time", "1"]);
			return text.includes("\n") || undefined;
		});
		expect(JSON.parse(text.split("\n")[0] ?? "")).toMatchObject({ name: "four.good.test" });
		child.kill("SIGINT");
		await until("the end", 5_000, () => child.exitCode !== null || undefined);
		expect(child.exitCode).toBe(0);
	} finally {
		end(child.pid);
	}
});

test("policy show, explain, diff and apply; apply does not overwrite a policy that has changed meanwhile", async () => {
	expect(await words("policy", "show")).toBe(policy({ rules: RULES }));
	const denied = await words("policy", "explain", "--to", "198.19.6.1:7001/tcp", "--exe", "/usr/bin/curl");
	expect(denied).toMatch(/^deny: /);
	expect(denied).toContain("> deny  test/six");
	const allowed = await words("policy", "explain", "--to", "198.19.1.2:443/tcp", "--name", "www.good.test");
	expect(allowed).toMatch(/^allow: /);
	const file = join(stage.world.folder, "next.yaml");
	writeFileSync(file, policy({ rules: [RULES[0]!, { name: "smtp", action: "deny", to: { ports: 25 } }] }));
	const tag = JSON.parse(await words("policy", "show", "--json")).etag as string;
	expect(await words("policy", "diff", "--no-records", file)).toBe(`+ rule test/smtp
    + action: deny
    + to.ports: 25
- rule test/six
    - action: deny
    - to.cidr: 198.19.6.0/24
`);
	expect(await words("policy", "diff", file)).toMatch(
		/^None of \d+ connections?( and \d+ DNS questions?)? since 24h would be decided differently\.$/m,
	);
	expect(await words("policy", "apply", file)).toMatch(/in force, generation \d+, mode enforce/);
	expect(await words("policy", "diff", file)).toBe("Nothing would change.\n");
	expect(await sallyport("policy", "apply", file, "--if-match", tag)).toMatchObject({ code: 31 });
	writeFileSync(file, "version: 1\nmode: enfroce\n");
	const refused = await sallyport("policy", "apply", file);
	expect(refused.code).toBe(3);
	expect(refused.stderr).toContain(`${file}:2:7:`);
	expect(refused.stderr).toContain('did you mean "enforce"');
	expect((await sallyport("policy", "check", file)).code).toBe(
		2,
	); /* this command has no --socket, because it queries no daemon */
	expect((await run([NODE, MAIN, "policy", "check", file], { env: cleanEnvironment() })).code).toBe(3);
});

test("commands that need root say so to an ordinary user", async () => {
	for (const command of ["observe", "run", "attach", "detach"]) {
		const args = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", NODE, MAIN, command];
		const { code, stderr } = await run(args, { env: cleanEnvironment() });
		expect(code, stderr).toBe(10);
		expect(stderr).toContain("must run as root");
	}
});

test("doctor as an ordinary user: checks that need root are not failures; with access to the socket the daemon's status is shown", async () => {
	const { folder, cgroup, pins } = stage.world;
	const results = async () => {
		const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
		const host = ["--cgroup", cgroup.path, "--pins", pins, "--runtime-dir", join(folder, "run")];
		const kept = ["--state-dir", join(folder, "state"), "--policy", stage.daemon.policyFile];
		const args = [...user, NODE, MAIN, "doctor", "--json", ...host, ...kept, "--socket", stage.daemon.socket];
		const { code, stdout, stderr } = await run(args, { env: cleanEnvironment() });
		expect(code, stdout + stderr).toBe(0);
		const { findings } = JSON.parse(stdout) as { findings: { check: string; result: string; text: string }[] };
		return Object.fromEntries(findings.map(({ check, result, text }) => [check, `${result}: ${text}`]));
	};
	const unseen = "not_checked: needs root";
	chmodSync(folder, 0o700);
	expect(await results()).toMatchObject({
		programs: unseen,
		pins: unseen,
		policy: unseen,
		daemon: unseen,
		disk: unseen,
	});
	chmodSync(folder, 0o711);
	chmodSync(stage.daemon.socket, 0o666);
	try {
		expect(await results()).toMatchObject({
			programs: expect.stringMatching(/^ok: the daemon reports \d+ programs/),
			pins: `ok: the daemon reports pins at ${pins}`,
			daemon: expect.stringMatching(/^ok: process \d+$/),
			disk: "ok: the daemon writes its history",
			"other programs": unseen,
		});
	} finally {
		chmodSync(stage.daemon.socket, 0o660);
		chmodSync(folder, 0o700);
	}
});

test.runIf(ableWith("script"))(
	"top on a terminal refreshes in place, and gives the screen back when it ends",
	async () => {
		const command = `stty rows 12 cols 70; exec ${NODE} ${MAIN} top --interval 1 --socket ${stage.daemon.socket}`;
		const child = spawn("script", ["-qec", command, "/dev/null"], {
			stdio: ["pipe", "pipe", "pipe"],
			env: { ...cleanEnvironment(), TERM: "xterm" },
		});
		let text = "";
		child.stdout.setEncoding("utf8").on("data", (part) => {
			text += part;
		});
		try {
			await until("three pictures", 15_000, () => text.split("\x1b[H").length > 3 || undefined);
			child.stdin.write("q");
			await until("the end", 5_000, () => child.exitCode !== null || undefined);
		} finally {
			end(child.pid);
		}
		expect(child.exitCode).toBe(0);
		expect(text).toContain("\x1b[?1049h");
		expect(text.trimEnd().endsWith("\x1b[?1049l")).toBe(true);
		const frame = text.split("\x1b[H").at(-1) ?? "";
		// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal acts on
		const rows = frame.replaceAll(/\x1b\[[\d;?]*[A-Za-z]/g, "").split(/\r+\n/);
		expect(rows.length).toBeLessThanOrEqual(12);
		for (const row of rows) expect(row.length).toBeLessThanOrEqual(70);
		expect(frame).toContain("www.good.test");
	},
);
