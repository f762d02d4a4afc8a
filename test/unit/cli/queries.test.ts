import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { connect, hello, processEvent } from "../support/events.ts";
import { STATUS } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";
import { ask, asked, daemon, useDaemon } from "./daemon-fixture.ts";
import { cli, Terminal } from "./terminal.ts";

useDaemon();

function view() {
	const harness = new TableHarness();
	harness.feed(processEvent(), connect({ cookie: 1n }), hello("api.example.com", { cookie: 1n, rule: 0, reason: 1 }));
	return harness.only();
}

function iso(seconds: number): string {
	return new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
}

async function until(probe: () => boolean): Promise<void> {
	const end = performance.now() + 5_000;
	while (!probe()) {
		if (performance.now() > end) throw new Error("not within 5 s");
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

test("connections follows the pages up to its limit, and reports that there are more", async () => {
	await daemon(({ query }) => {
		const at = Number(query["cursor"] ?? 0);
		return { connections: [{ ...view(), id: at }], next: String(at + 1), more: true };
	});
	const { code, stdout, stderr } = await ask("connections --limit 3 --verdict deny --port 1-9 --sort first");
	expect(code, stderr).toBe(0);
	expect(stdout.trimEnd().split("\n")).toHaveLength(4);
	expect(stderr).toContain("there are more");
	expect(asked.map(({ query }) => query)).toMatchObject([
		{ verdict: "deny", port: "1-9", sort: "first", limit: "3" },
		{ cursor: "1", limit: "2" },
		{ cursor: "2", limit: "1" },
	]);
	const json = await ask("connections --limit 2 --json");
	expect(
		json.stdout
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line).id),
	).toEqual([0, 1]);
});

test("connections ID shows all of one record, with the steps that decided it", async () => {
	const steps = [
		{ text: "the question for api.example.com: allowed\x9b2J", decides: false },
		{ text: "tls: denied", decides: true },
	];
	const remedy = { text: "No rule allows it.", rule: "- { name: a\x9b, action: allow }" };
	await daemon(({ path }) => (path === "/v1/connections/17" ? { ...view(), steps, remedy } : undefined));
	const { stdout } = await ask("connections 17");
	expect(stdout).toContain("arguments    curl https://example.com");
	expect(stdout).toContain("allowed\\x9b2J");
	expect(stdout).toMatch(/2\. +tls: denied <- decided/);
	expect(stdout).toMatch(/remedy +No rule allows it\.\nrule +- \{ name: a\\x9b, action: allow \}/);
});

test("names: a list, a pattern, and the details of one name", async () => {
	const summary = {
		name: "a.example.com",
		first: iso(0),
		last: iso(9),
		questions: 3,
		connections: 2,
		denied: 1,
		wouldDeny: 4,
		addresses: ["192.0.2.1"],
	};
	await daemon(({ path }) =>
		path === "/v1/names"
			? { names: [summary], next: null }
			: {
					...summary,
					addresses: [{ address: "192.0.2.1", ttl: 30, first: iso(0), last: iso(1), trusted: false }],
					askedBy: [
						{
							process: "curl\u202e",
							exe: null,
							unit: "a.service",
							container: null,
							uid: 0,
							user: "root",
							questions: 1,
							connections: 2,
							last: iso(0),
						},
					],
					rules: [{ group: "web", rule: "api", action: "allow", phases: [], also: [] }],
				},
	);
	const list = await ask("names **.example.com --since 1d");
	expect(list.stdout).toMatch(/a\.example\.com +3 +2 +1 \(\+4\?\)/);
	expect(asked[0]?.query).toMatchObject({ name: "**.example.com", since: "1d" });
	const one = await ask("names a.example.com");
	expect(one.stdout).toContain("192.0.2.1 (TTL 30 s");
	expect(one.stdout).toContain("not trusted");
	expect(one.stdout).toContain("curl\\u{202e}, root, a.service: 1 question, 2 connections");
	expect(one.stdout).toContain("allow web/api");
	expect(JSON.parse((await ask("names a.example.com --json")).stdout)).toMatchObject({ questions: 3 });
});

test.each([60, 80, 100, 120, 160])("at %i columns names, top and replay keep the name and the port", async (width) => {
	const name = "a-rather-long-label.of-some-region.compute.example.com";
	const counts = { questions: 3, connections: 123_456, denied: 10, wouldDeny: 4 };
	const times = { first: iso(0), last: new Date().toISOString() };
	await daemon(({ path }) =>
		path === "/v1/names"
			? { names: [{ name, ...counts, ...times, addresses: ["2001:db8:1111:2222::1", "192.0.2.1"] }], next: null }
			: { rows: [{ key: { name, port: 65_535 }, count: 9, bytesOut: 1, bytesIn: 20e6, ...counts, ...times }] },
	);
	const row = { count: 7, client: "2001:db8:1111:2222:3333:4444:5555:6666", server: "198.51.100.253", port: 65_535 };
	const judged = { verdict: "deny", phase: "connect", group: null, rule: null, reason: "name_unbound" };
	for (const line of ["names", "top --once --by name,port", "replay --policy p.yaml a.pcap"]) {
		const terminal = new Terminal(true);
		terminal.size.width = width;
		terminal.replayed = {
			rows: [{ ...row, protocol: "tcp", name, from: "tls", ...times, ...judged }],
			files: [{ file: "a.pcap", packets: 1, problem: null, unknownLinks: [] }],
		};
		const { stdout } = line.startsWith("replay") ? await cli(line, terminal) : await ask(line, terminal);
		const lines = stripVTControlCharacters(stdout).trimEnd().split("\n");
		expect(lines).toHaveLength(2);
		for (const each of lines) expect(each.length, each).toBeLessThanOrEqual(width);
		expect(lines[1], line).toMatch(/a-r.*example\.com|a-.*….*com/);
		if (line !== "names") expect(lines[1]).toContain("65535");
	}
});

test("stream shows events, reports missed ones, and resumes when the daemon comes back", async () => {
	let visits = 0;
	await daemon((_, response) => {
		visits++;
		response.writeHead(200, { "content-type": "text/event-stream" });
		const data = (id: number) => `id: 7-${id}\nevent: connection\ndata: ${JSON.stringify({ ...view(), id })}\n\n`;
		if (visits === 1)
			response.end(`retry: 1000\n: hello\n\n${data(1)}event: missed\ndata: {"missed":12}\n\n${data(2)}`);
		else response.write(data(3));
	});
	const terminal = new Terminal(false, true);
	const running = ask("stream --verdict deny", terminal);
	await until(() => terminal.stdout.split("\n").length === 4);
	terminal.end();
	expect((await running).code).toBe(0);
	expect(
		terminal.stdout
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line).id),
	).toEqual([1, 2, 3]);
	expect(terminal.stderr).toContain("12 records missed");
	expect(asked.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "7-2"]);
	expect(asked[0]?.query).toEqual({ verdict: "deny" });
});

test("status as text and as JSON; control characters in the daemon's text are escaped", async () => {
	await daemon(() => STATUS);
	const { stdout } = await ask("status");
	expect(stdout).toContain("policy       /etc/sallyport/policy.yaml (mode enforce, 2 rules, generation 3");
	expect(stdout).toContain("bad\\x1b[2J");
	expect(stdout).toMatch(/^connections +1 open, 2 ended in memory\nquestions +3 in memory$/m);
	expect(JSON.parse((await ask("status --json")).stdout)).toMatchObject({ denied: 4, wouldDeny: 5 });
});

test("a filter may be repeated and negated, and its values are checked before the request", async () => {
	await daemon(() => ({ connections: [], next: null }));
	await ask(
		"connections --name *amazon* --name a.example --not-unit a.service --not-unit b.service --verdict deny --open",
	);
	const query = asked[0]?.parameters;
	expect(query?.getAll("name")).toEqual(["*amazon*", "a.example"]);
	expect(query?.getAll("not-unit")).toEqual(["a.service", "b.service"]);
	expect([query?.get("verdict"), query?.get("open")]).toEqual(["deny", "true"]);
	for (const [option, hint] of [
		["--port 70000", "a port or a range"],
		["--not-port x", "a port or a range"],
		["--address example.com", "an address or a prefix"],
		["--verdict maybe", "allow, deny or would_deny"],
		["--protocol tpc", "tcp, udp, icmp"],
		["--since yesterday", "an age such as 15m"],
	]) {
		const { code, stderr } = await ask(`connections ${option}`);
		expect(code, option).toBe(2);
		expect(stderr, option).toContain(hint);
	}
	expect(asked).toHaveLength(1);
});

test("a time without a zone is sent as an instant", async () => {
	await daemon(() => ({ connections: [], names: [], rows: [], next: null }));
	for (const command of ["connections", "names", "top --once"]) await ask(`${command} --since 2026-01-31T12:00`);
	const local = new Date(2026, 0, 31, 12).toISOString();
	expect(asked.map(({ query }) => query["since"])).toEqual([local, local, local]);
	await ask("connections --since 2026-01-31T12:00:00+09:00 --until 2h");
	expect(asked[3]?.query).toMatchObject({ since: "2026-01-31T12:00:00+09:00", until: "2h" });
});
