/** Records made of the kernel's events. */
import { expect, test } from "vitest";
import { ANSWER_FLAG, END, HOOK, OUTCOME, PHASE, PROTOCOL, REASON, VERDICT } from "../../../src/native/layout.ts";
import { answer, cgroupEvent, connect, end, hello, processEvent, question, request } from "../support/events.ts";
import { TableHarness } from "../support/table-harness.ts";

const HASH = 0x1122334455667788n;

test("connect, hello and end of one socket are one complete record", () => {
	const harness = new TableHarness();
	harness.rules.set("1 4", { group: "web", name: "api" });
	harness.feed(
		cgroupEvent("system.slice/agent.service/", { cgroup: 7 }),
		processEvent({ ppid: 9, uid: 0 }),
		connect({ time: 1_000_000_000 }),
		hello("api.example.com", { rule: 4, reason: REASON.rule, nameHash: HASH, time: 1_010_000_000 }),
		end(END.local, { bytesOut: 500n, bytesIn: 9000n, packetsOut: 5n, packetsIn: 9n, time: 1_250_000_000 }),
	);
	expect(harness.only()).toMatchObject({
		kind: "connection",
		process: {
			pid: 42,
			ppid: 9,
			comm: "curl",
			exe: "/usr/bin/curl",
			args: ["curl", "https://example.com"],
			uid: 0,
			user: "root",
			parentComm: "bash",
		},
		unit: "agent.service",
		cgroup: "system.slice/agent.service",
		protocol: "tcp",
		remote: "192.0.2.1",
		remotePort: 443,
		local: "10.0.0.1",
		localPort: 40_000,
		name: "api.example.com",
		nameSource: "sni",
		verdict: "allow",
		phase: "tls",
		group: "web",
		rule: "api",
		reason: "rule",
		decisions: { connect: { verdict: "allow", reason: "default" }, tls: { verdict: "allow", rule: "api" } },
		bytesOut: 500,
		bytesIn: 9000,
		packetsOut: 5,
		packetsIn: 9,
		durationMs: 250,
		end: "local",
		open: false,
	});
});

test("HTTP requests are counted, the last is shown, and its host is the name", () => {
	const harness = new TableHarness();
	harness.feed(
		connect({ remotePort: 80 }),
		request({ host: "A.example.com", path: "/a", method: "POST" }, { nameHash: HASH, remotePort: 80 }),
		request({ host: "A.example.com", path: "/b?\x1b[31m", status: 0 }, { nameHash: HASH, remotePort: 80 }),
		request({ host: "A.example.com", path: "/b?\x1b[31m", status: 403 }, { nameHash: HASH, remotePort: 80 }),
	);
	expect(harness.only()).toMatchObject({
		name: "a.example.com",
		nameSource: "http",
		phase: "http",
		http: { method: "GET", host: "a.example.com", path: "/b?\\x1b[31m", status: 403, requests: 2 },
	});
});

test("a host that is an address is shown but is no name; the name of the hello stays", () => {
	const harness = new TableHarness();
	harness.feed(hello("api.example.com", { nameHash: HASH }), request({ host: "192.0.2.1", path: "/" }));
	expect(harness.only()).toMatchObject({ name: "api.example.com", nameSource: "sni", http: { host: "192.0.2.1" } });
});

test("a DNS question is a record with its process and the answers", () => {
	const harness = new TableHarness();
	harness.feed(
		question("www.example.com", 1, { nameHash: HASH, cookie: 5n }),
		answer("192.0.2.7", { nameHash: HASH, cookie: 5n }),
		answer("192.0.2.8", { nameHash: HASH, cookie: 5n }),
	);
	expect(harness.only()).toMatchObject({
		kind: "dns",
		protocol: "udp",
		remote: "10.0.0.2",
		remotePort: 53,
		name: "www.example.com",
		phase: "dns",
		verdict: "allow",
		process: { pid: 42 },
		query: { type: "A", addresses: ["192.0.2.7", "192.0.2.8"] },
	});
});

test("a question has the outcome of its own response, of its type and resolver, and none before", () => {
	const harness = new TableHarness();
	harness.feed(
		question("www.example.com", 1, { nameHash: HASH, cookie: 5n }),
		question("www.example.com", 28, { nameHash: HASH, cookie: 5n }),
		question("www.example.com", 1, { nameHash: HASH, cookie: 5n, remote: "10.0.0.3" }),
		question("no.example.com", 1, { nameHash: 3n, cookie: 6n, verdict: VERDICT.deny }),
		answer("::", { nameHash: HASH, cookie: 5n, queryType: 28, outcome: OUTCOME.nodata, flags: ANSWER_FLAG.empty }),
		answer("192.0.2.7", { nameHash: HASH, cookie: 5n }),
	);
	const outcomes = harness.views().map(({ query, remote }) => `${query?.type} ${remote} ${query?.outcome}`);
	expect(outcomes.sort()).toEqual([
		"A 10.0.0.2 answered",
		"A 10.0.0.2 null",
		"A 10.0.0.3 none",
		"AAAA 10.0.0.2 nodata",
	]);
	expect(harness.table.questions.outcomes(Date.now() + 1e15)).toEqual([0, 1, 1, 1, 0, 0, 0, 0, 0]);
});

test("the flow to a trusted resolver is not a second record of its question", () => {
	const harness = new TableHarness();
	harness.feed(
		connect({ protocol: PROTOCOL.udp, remotePort: 53, reason: REASON.resolver, hook: HOOK.sendmsg }),
		question("a.example", 1),
	);
	expect(harness.only().kind).toBe("dns");
	harness.feed(connect({ protocol: PROTOCOL.tcp, remotePort: 53, reason: REASON.resolver }));
	expect(harness.views()).toHaveLength(2);
});

test("the name that the process resolved is preferred to the name that decided, and that to a name of another process", () => {
	const harness = new TableHarness();
	const name = (text: string, hash: bigint, tgid: number) => [
		question(text, 1, { nameHash: hash, tgid, cookie: hash }),
		answer("192.0.2.1", { nameHash: hash, tgid, cookie: hash }),
	];
	harness.feed(...name("other.example", 1n, 100), connect({ cookie: 10n, tgid: 42 }));
	harness.feed(
		...name("mine.example", 2n, 42),
		...name("later.example", 3n, 100),
		connect({ cookie: 11n, tgid: 42 }),
		connect({ cookie: 12n, tgid: 77, nameHash: 1n }),
		connect({ cookie: 13n, tgid: 77 }),
	);
	const names = harness
		.views()
		.filter((view) => view.kind === "connection")
		.map((view) => [view.name, view.nameSource]);
	expect(names).toEqual([
		["other.example", "dns"],
		["mine.example", "dns"],
		["other.example", "dns"],
		["later.example", "dns"],
	]);
});

test("an answer of an untrusted resolver names only the connections of the process that received it", () => {
	const harness = new TableHarness();
	harness.feed(
		question("fake.example", 1, { nameHash: 9n, tgid: 5 }),
		answer("192.0.2.1", { nameHash: 9n, tgid: 5, flags: 1 }),
		connect({ cookie: 1n, tgid: 5 }),
		connect({ cookie: 2n, tgid: 6 }),
	);
	expect(
		harness
			.views()
			.filter((view) => view.kind === "connection")
			.map((view) => view.name),
	).toEqual(["fake.example", null]);
});

test("each destination of a UDP socket is a flow, and a denied one stays one record", () => {
	const harness = new TableHarness();
	const udp = { protocol: PROTOCOL.udp, hook: HOOK.sendmsg, cookie: 3n } as const;
	harness.feed(
		connect({ ...udp, remote: "192.0.2.1" }),
		connect({ ...udp, remote: "192.0.2.2" }),
		connect({ ...udp, remote: "192.0.2.2", remotePort: 444 }),
	);
	expect(harness.views()).toHaveLength(3);
	harness.feed(
		connect({ ...udp, remote: "192.0.2.9", verdict: VERDICT.deny }),
		connect({ ...udp, remote: "192.0.2.9", verdict: VERDICT.deny }),
	);
	expect(harness.views()).toHaveLength(4);
	expect(harness.destroyed).toEqual([]);
});

test("a socket that connects to another address begins another record", () => {
	const harness = new TableHarness();
	harness.feed(connect({ remote: "192.0.2.1" }), connect({ remote: "192.0.2.2" }), connect({ remote: "192.0.2.2" }));
	expect(harness.views().map((view) => [view.remote, view.end, view.open])).toEqual([
		["192.0.2.1", "refused", false],
		["192.0.2.2", null, true],
	]);
});

test("the end of a connection older than the daemon is a record; inbound connections and the kernel's packets are not", () => {
	const harness = new TableHarness();
	harness.feed(
		end(END.remote, { cookie: 50n, packetsOut: 3n, bytesOut: 10n }),
		connect({ cookie: 51n, reason: REASON.inbound }),
		connect({ cookie: 52n, reason: REASON.kernel, protocol: 58 }),
	);
	expect(harness.only()).toMatchObject({ bytesOut: 10, phase: null, end: "remote" });
});

test("a process whose event was lost has at least its comm and uid", () => {
	const harness = new TableHarness();
	harness.feed(connect({ tgid: 4242, uid: 1000, comm: "lost" }));
	expect(harness.only().process).toMatchObject({ pid: 4242, comm: "lost", uid: 1000, exe: null, user: null });
	expect(harness.processes.missed).toBe(1);
});

test("a record keeps its program after an exec", () => {
	const harness = new TableHarness();
	harness.feed(
		processEvent({ path: "bash/bin/usr/", comm: "bash" }),
		connect({ cookie: 1n }),
		processEvent({ path: "curl/bin/usr/" }),
		connect({ cookie: 2n }),
	);
	expect(harness.views().map((view) => view.process?.exe)).toEqual(["/usr/bin/bash", "/usr/bin/curl"]);
});

test("the oldest open connection is evicted, counted, and kept among the ended ones", () => {
	const harness = new TableHarness({ live: 10, finished: 5 });
	for (let cookie = 1n; cookie <= 30n; cookie++) harness.feed(connect({ cookie }));
	expect(harness.table.kept.sizes).toEqual({ live: 10, finished: 5, questions: 0 });
	expect(harness.table.dropped).toBe(20);
});

test("names, arguments and comm are printable", () => {
	const harness = new TableHarness();
	harness.feed(
		processEvent({ comm: "ev\x1b[2Jil", args: "x\0\u202eabc\n" }),
		connect(),
		hello("a\x1b]0;b\x07.example"),
	);
	const text = JSON.stringify(harness.only());
	expect(text).toContain("\\\\x1b[2J");
	// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
	expect(/[\x00-\x1f\x7f-\x9f\u202e]|\\u00/.test(text)).toBe(false);
});

test("watchers are called: opened, denied once, ended", () => {
	const harness = new TableHarness();
	const calls: string[] = [];
	harness.table.watch({
		opened: (c) => calls.push(`opened ${c.id}`),
		denied: (c) => calls.push(`denied ${c.id}`),
		ended: (c) => calls.push(`ended ${c.id}`),
	});
	harness.feed(
		connect(),
		hello("b.example", { verdict: VERDICT.deny, phase: PHASE.tls }),
		hello("b.example", { verdict: VERDICT.deny, phase: PHASE.tls }),
		end(END.reset),
	);
	expect(calls).toEqual(["opened 1", "denied 1", "ended 1"]);
});
