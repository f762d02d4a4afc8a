import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Answer, type Asked, cli, fakeDaemon, problem, Terminal } from "./terminal.ts";

let folder: string;
let socket: string;
let asked: Asked[];
let close: () => Promise<void>;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	socket = join(folder, "api.sock");
	close = async () => {};
});
afterEach(async () => {
	await close();
	rmSync(folder, { recursive: true, force: true });
});

async function daemon(answer: Answer): Promise<void> {
	({ asked, close } = await fakeDaemon(socket, answer));
}

const ask = (line: string, terminal?: Terminal) => cli(`${line} --socket ${socket}`, terminal);
const IN_FORCE = {
	text: "version: 1 # \x1b[2J\n",
	etag: '"abc"',
	generation: 3,
	mode: "enforce",
	source: "/etc/p.yaml",
	origin: "file",
	loadedAt: "2026-01-01T00:00:00.000Z",
};

test("show writes the exact text to a file, and escapes it on a terminal", async () => {
	await daemon(() => IN_FORCE);
	expect((await ask("policy show")).stdout).toBe(IN_FORCE.text);
	expect((await ask("policy show", new Terminal(true))).stdout).toBe("version: 1 # \\u001b[2J\n");
	expect(JSON.parse((await ask("policy show --json")).stdout)).toEqual(IN_FORCE);
});

test("apply loads the file only if the policy in force has not changed meanwhile", async () => {
	await daemon(({ method }) => (method === "PUT" ? { ...IN_FORCE, generation: 4 } : IN_FORCE));
	const { code, stdout } = await ask("policy apply p.yaml");
	expect(code).toBe(0);
	expect(stdout).toContain("p.yaml: in force, generation 4, mode enforce");
	expect(asked.at(-1)).toMatchObject({
		method: "PUT",
		body: "version: 1\n",
		headers: { "if-match": '"abc"', "content-type": "application/yaml" },
	});
	await cli(["policy", "apply", "p.yaml", "--if-match", '"old"', "--socket", socket]);
	expect(asked.at(-1)?.headers["if-match"]).toBe('"old"');
});

test("reload reports the policy in force; a refused file is exit code 3 with its errors", async () => {
	let problems: object[] = [];
	await daemon((_asked, response) =>
		problems.length === 0 ? IN_FORCE : problem(response, 422, "1 problem", { problems }),
	);
	expect(await ask("policy reload")).toMatchObject({
		code: 0,
		stdout: "/etc/p.yaml: in force, generation 3, mode enforce\n",
	});
	expect(asked.at(-1)).toMatchObject({ method: "POST", path: "/v1/policy/reload", body: "" });
	problems = [{ file: "/etc/p.yaml", line: 3, column: 9, message: "no such key" }];
	const refused = await ask("policy reload");
	expect(refused.code).toBe(3);
	expect(refused.stderr).toContain("The previous one stays in force:\n  /etc/p.yaml:3:9: no such key\n");
});

test("apply and reload print the warnings about the policy that they put in force", async () => {
	const warnings = [{ file: "(api)", line: 3, column: 9, message: "rule r is\x1b odd" }];
	await daemon(() => ({ ...IN_FORCE, warnings }));
	expect(await ask("policy apply p.yaml")).toMatchObject({
		code: 0,
		stdout: expect.stringContaining("p.yaml: in force, generation 3, mode enforce\n"),
		stderr: expect.stringMatching(/^\/\S+\/p\.yaml:3:9: warning: rule r is\\x1b odd\n$/),
	});
	expect((await ask("policy reload")).stderr).toContain("(api):3:9: warning: rule r is");
});

test("apply: a policy changed meanwhile is exit code 31, an invalid file exit code 3 with positions", async () => {
	let status = 412;
	const problems = [
		{ file: "(api)", line: 3, column: 9, message: "no such\x1b key" },
		{ file: "/l.txt", line: 1, column: 1, message: "no prefix" },
	];
	await daemon(({ method }, response) => (method === "GET" ? IN_FORCE : problem(response, status, "no", { problems })));
	expect(await ask("policy apply p.yaml")).toMatchObject({
		code: 31,
		stderr: expect.stringContaining("Another policy has been put in force"),
	});
	status = 422;
	const { code, stderr } = await ask("policy apply p.yaml");
	expect(code).toBe(3);
	expect(stderr).toContain("p.yaml:3:9: no such\\x1b key");
	expect(stderr).toContain("/l.txt:1:1: no prefix");
});

test("apply where an earlier daemon's policy is in force needs no tag", async () => {
	await daemon(({ method }, response) => (method === "GET" ? problem(response, 404, "not known") : IN_FORCE));
	expect((await ask("policy apply p.yaml")).code).toBe(0);
	expect(asked.at(-1)?.headers["if-match"]).toBeUndefined();
});

const OTHERWISE = {
	...{
		name: "evil\x1b.example",
		remote: "192.0.2.1",
		port: 443,
		protocol: "tcp",
		process: "curl",
		unit: "agent.service",
	},
	before: { verdict: "allow", phase: "tls", group: "web", rule: "api", reason: "rule" },
	after: { verdict: "would_deny", phase: "connect", group: null, rule: null, reason: "default" },
	...{ count: 12, last: "2026-01-01T00:00:00.000Z" },
} as const;

test("diff lists the changed decisions, with an exit code for scripts", async () => {
	const page = (cursor: string | undefined) =>
		cursor === undefined ? { connections: [{}, {}], next: "2" } : { connections: [{ kind: "dns" }], next: null };
	await daemon(({ path, query }) => (path === "/v1/policy" ? IN_FORCE : page(query["cursor"])));
	expect((await ask("policy diff p.yaml")).stdout).toBe("Nothing would change.\n");
	const terminal = new Terminal();
	terminal.comparison = {
		problems: [],
		decidedOtherwise: () => [],
		changes: [
			{ kind: "setting", what: "mode", details: [{ field: "mode", before: "observe", after: "enforce" }] },
			{ kind: "added", what: "web/new", details: [{ field: "action", before: null, after: "deny" }] },
			{ kind: "changed", what: "web/api", details: [{ field: "to.ports", before: "443", after: "80, 443" }] },
			{ kind: "moved", what: "web/api", details: [{ field: "place", before: "1", after: "2" }] },
			{ kind: "removed", what: "web/old", details: [] },
		],
	};
	const { code, stdout } = await ask("policy diff p.yaml --exit-code", terminal);
	expect(code).toBe(1);
	expect(stdout).toBe(`~ mode: observe -> enforce
+ rule web/new
    + action: deny
~ rule web/api
    - to.ports: 443
    + to.ports: 80, 443
~ rule web/api: moved from position 1 to 2
- rule web/old

None of 2 connections and 1 DNS question since 24h would be decided differently.
`);
	terminal.comparison = { ...terminal.comparison, decidedOtherwise: (records) => [...records].map(() => OTHERWISE) };
	terminal.stdout = "";
	const report = (await ask("policy diff p.yaml --since 7d --last 2", terminal)).stdout;
	const [summary, header, row] = report.split("\n").slice(-5);
	expect(summary).toBe("24 of the last 2 connections would be decided differently:");
	expect(header).toBe("COUNT  DESTINATION               PROCESS  UNIT           IN FORCE              WITH THE FILE");
	expect(row).toBe(
		"   12  tcp evil\\x1b.example:443  curl     agent.service  allow (tls: web/api)  would deny (connect: default)",
	);
	expect(asked.at(-1)?.query).toEqual({ since: "7d", limit: "2" });
	terminal.stdout = "";
	const { records } = JSON.parse((await ask("policy diff p.yaml --json", terminal)).stdout) as { records: object };
	expect(records).toMatchObject({ since: "24h", looked: 3, more: false, decidedOtherwise: [{ count: 12 }, {}, {}] });
	terminal.stdout = "";
	expect((await ask("policy diff p.yaml --no-records", terminal)).stdout).not.toContain("connections");
	const narrow = Object.assign(new Terminal(true), { comparison: terminal.comparison });
	narrow.size.width = 80;
	const lines = (await ask("policy diff p.yaml --last 2", narrow)).stdout.split("\n");
	expect(lines.at(-2)).toMatch(/evil.*le:443 .*would den/);
	// biome-ignore lint/suspicious/noControlCharactersInRegex: colours
	for (const line of lines) expect(line.replaceAll(/\x1b\[[\d;]*m/g, "").length).toBeLessThanOrEqual(80);
	terminal.comparison = { problems: ["p.yaml:1:1: bad\x1b"], changes: [], decidedOtherwise: () => [] };
	expect(await ask("policy diff p.yaml", terminal)).toMatchObject({
		code: 3,
		stderr: expect.stringContaining("bad\\x1b"),
	});
});

test.each(["diff", "apply"])(
	"%s: a file that cannot be read is exit code 3, and the daemon is not queried",
	async (command) => {
		await daemon(() => IN_FORCE);
		const readFile = () => {
			throw Object.assign(new Error("ENOENT: no such file"), { code: "ENOENT" });
		};
		const { code, stderr } = await cli(
			["policy", command, "/nosuch\x1b.yaml", "--socket", socket],
			Object.assign(new Terminal(), { readFile }),
		);
		expect(code).toBe(3);
		expect(stderr).toBe("sallyport: /nosuch\\x1b.yaml:1:1: no such file\n");
		expect(asked).toEqual([]);
	},
);

test("explain sends client, destination and name, and prints the decision with each rule and its reason", async () => {
	const rule = { group: "web", conditions: [] };
	await daemon(() => ({
		verdict: "deny",
		summary: "phase tls denies it: no rule decides",
		generation: 3,
		mode: "enforce",
		subject: {},
		remedy: { text: "No rule allows it\x9b.", rule: "- { name: a }" },
		phases: [
			{
				...{
					phase: "connect",
					verdict: "allow",
					reason: "rule",
					group: "web",
					rule: "api",
					alert: null,
					default: "deny",
					helloRequired: false,
				},
				summary: "rule web/api",
				looks: [
					{
						...{ name: "a.example", as: "asked", decisive: true, notReached: 4 },
						rules: [
							{ ...rule, rule: "odd", action: "alert", outcome: "other_phase", why: "its phases are tls" },
							{ ...rule, rule: "no", action: "deny", outcome: "no_match", why: "port 443 is not 25\x1b" },
							{ ...rule, rule: "api", action: "allow", outcome: "decides", why: "a.example is covered" },
						],
					},
				],
			},
		],
	}));
	const { code, stdout } = await ask(
		"policy explain --exe /usr/bin/curl --user agent --unit a.service --to [2001:db8::1]:443/tcp --name a.example",
	);
	expect(code).toBe(0);
	expect(JSON.parse(asked[0]?.body ?? "")).toEqual({
		who: { exe: "/usr/bin/curl", user: "agent", unit: "a.service" },
		to: { address: "2001:db8::1", port: 443, protocol: "tcp" },
		name: "a.example",
		assumeLearned: true,
	});
	expect(stdout).toBe(`deny: phase tls denies it: no rule decides
policy generation 3, mode enforce
remedy: No rule allows it\\x9b.
rule: - { name: a }

phase connect: allow: rule web/api
    deny  web/no   port 443 is not 25\\x1b
  > allow web/api  a.example is covered
    (1 of other phases, 4 not reached)
`);
});

test.each([
	["192.0.2.1:443/tcp", { address: "192.0.2.1", port: 443, protocol: "tcp" }],
	["192.0.2.1/icmp", { address: "192.0.2.1", protocol: "icmp" }],
	["2001:db8::1", { address: "2001:db8::1" }],
	["[::1]:53/udp", { address: "::1", port: 53, protocol: "udp" }],
])("explain --to %s", async (to, expected) => {
	await daemon(() => ({ verdict: "allow", summary: "", generation: 1, mode: "enforce", phases: [] }));
	await ask(`policy explain --to ${to}`);
	expect(JSON.parse(asked[0]?.body ?? "").to).toEqual(expected);
});
