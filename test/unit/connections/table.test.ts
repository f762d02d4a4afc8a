import { expect, test } from "vitest";
import { END, HOOK, PHASE, PROTOCOL, REASON, VERDICT } from "../../../src/native/layout.ts";
import { Desk } from "../support/desk.ts";
import { answer, cgroupEvent, connect, end, hello, processEvent, question, request } from "../support/events.ts";

const HASH = 0x1122334455667788n;

test("connect, hello and end of one socket are one complete record", () => {
	const desk = new Desk();
	desk.rules.set("1 4", { group: "web", name: "api" });
	desk.feed(
		cgroupEvent("system.slice/agent.service/", { cgroup: 7 }),
		processEvent({ ppid: 9, uid: 0 }),
		connect({ time: 1_000_000_000 }),
		hello("api.example.com", { rule: 4, reason: REASON.rule, nameHash: HASH, time: 1_010_000_000 }),
		end(END.local, { bytesOut: 500n, bytesIn: 9000n, packetsOut: 5n, packetsIn: 9n, time: 1_250_000_000 }),
	);
	expect(desk.only()).toMatchObject({
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
	const desk = new Desk();
	desk.feed(
		connect({ remotePort: 80 }),
		request({ host: "A.example.com", path: "/a", method: "POST" }, { nameHash: HASH, remotePort: 80 }),
		request({ host: "A.example.com", path: "/b?\x1b[31m", status: 0 }, { nameHash: HASH, remotePort: 80 }),
		request({ host: "A.example.com", path: "/b?\x1b[31m", status: 403 }, { nameHash: HASH, remotePort: 80 }),
	);
	expect(desk.only()).toMatchObject({
		name: "a.example.com",
		nameSource: "http",
		phase: "http",
		http: { method: "GET", host: "a.example.com", path: "/b?\\x1b[31m", status: 403, requests: 2 },
	});
});

test("a host that is an address is shown but is no name; the name of the hello stays", () => {
	const desk = new Desk();
	desk.feed(hello("api.example.com", { nameHash: HASH }), request({ host: "192.0.2.1", path: "/" }));
	expect(desk.only()).toMatchObject({ name: "api.example.com", nameSource: "sni", http: { host: "192.0.2.1" } });
});

test("a denied request denies the connection", () => {
	const desk = new Desk();
	desk.rules.set("1 2", { group: "g", name: "no-delete" });
	desk.feed(connect(), request({ method: "DELETE" }, { verdict: VERDICT.deny, rule: 2, reason: REASON.rule }));
	expect(desk.only()).toMatchObject({ verdict: "deny", phase: "http", rule: "no-delete", http: { method: "DELETE" } });
});

test("the record shows the most severe decision, among equals the latest phase", () => {
	const desk = new Desk();
	desk.rules.set("1 0", { group: "g", name: "soft" });
	desk.feed(connect({ verdict: VERDICT.wouldDeny, rule: 0, reason: REASON.rule }), hello("ok.example"));
	expect(desk.only()).toMatchObject({ verdict: "would_deny", phase: "connect", rule: "soft", name: "ok.example" });
	desk.feed(hello("no.example", { verdict: VERDICT.deny, reason: REASON.default }));
	expect(desk.only()).toMatchObject({ verdict: "deny", phase: "tls", rule: null, reason: "default" });
});

test("a decision by a new policy replaces the previous one of that phase", () => {
	const desk = new Desk();
	desk.rules.set("2 1", { group: "g", name: "new" });
	desk.feed(connect({ verdict: VERDICT.wouldDeny }));
	desk.feed(connect({ hook: HOOK.egress, generation: 2, rule: 1, reason: REASON.rule }));
	expect(desk.only()).toMatchObject({ verdict: "allow", rule: "new", decisions: { connect: { generation: 2 } } });
});

test("a denied connect() ends at once without closing the socket; another attempt is another record", () => {
	const desk = new Desk();
	desk.feed(connect({ verdict: VERDICT.deny }), end(END.refused));
	expect(desk.only()).toMatchObject({ verdict: "deny", end: "denied", open: false });
	expect(desk.destroyed).toEqual([]);
	desk.feed(connect({ verdict: VERDICT.deny }));
	expect(desk.views()).toHaveLength(2);
});

test("a denied hello and a denied first packet close the socket", () => {
	const desk = new Desk();
	desk.feed(
		connect({ cookie: 1n }),
		hello("bad.example", { cookie: 1n, verdict: VERDICT.deny }),
		connect({ cookie: 2n, verdict: VERDICT.deny, hook: HOOK.egress }),
	);
	expect(desk.destroyed.map((event) => event.cookie)).toEqual([1, 2]);
	desk.feed(end(END.reset, { cookie: 1n }));
	expect(desk.views()[0]).toMatchObject({ verdict: "deny", end: "denied", name: "bad.example", phase: "tls" });
});

test("would_deny closes no socket", () => {
	const desk = new Desk();
	desk.feed(
		connect({ verdict: VERDICT.wouldDeny, hook: HOOK.egress }),
		hello("x.example", { verdict: VERDICT.wouldDeny }),
	);
	expect(desk.destroyed).toEqual([]);
});

test("a DNS question is a record with its process and the answers", () => {
	const desk = new Desk();
	desk.feed(
		question("www.example.com", 1, { nameHash: HASH, cookie: 5n }),
		answer("192.0.2.7", { nameHash: HASH, cookie: 5n }),
		answer("192.0.2.8", { nameHash: HASH, cookie: 5n }),
	);
	expect(desk.only()).toMatchObject({
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

test("the flow to a trusted resolver is not a second record of its question", () => {
	const desk = new Desk();
	desk.feed(
		connect({ protocol: PROTOCOL.udp, remotePort: 53, reason: REASON.resolver, hook: HOOK.sendmsg }),
		question("a.example", 1),
	);
	expect(desk.only().kind).toBe("dns");
	desk.feed(connect({ protocol: PROTOCOL.tcp, remotePort: 53, reason: REASON.resolver }));
	expect(desk.views()).toHaveLength(2);
});

test("the name that the process resolved is preferred to the name that decided, and that to a name of another process", () => {
	const desk = new Desk();
	const name = (text: string, hash: bigint, tgid: number) => [
		question(text, 1, { nameHash: hash, tgid, cookie: hash }),
		answer("192.0.2.1", { nameHash: hash, tgid, cookie: hash }),
	];
	desk.feed(...name("other.example", 1n, 100), connect({ cookie: 10n, tgid: 42 }));
	desk.feed(
		...name("mine.example", 2n, 42),
		...name("later.example", 3n, 100),
		connect({ cookie: 11n, tgid: 42 }),
		connect({ cookie: 12n, tgid: 77, nameHash: 1n }),
		connect({ cookie: 13n, tgid: 77 }),
	);
	const names = desk
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
	const desk = new Desk();
	desk.feed(
		question("fake.example", 1, { nameHash: 9n, tgid: 5 }),
		answer("192.0.2.1", { nameHash: 9n, tgid: 5, flags: 1 }),
		connect({ cookie: 1n, tgid: 5 }),
		connect({ cookie: 2n, tgid: 6 }),
	);
	expect(
		desk
			.views()
			.filter((view) => view.kind === "connection")
			.map((view) => view.name),
	).toEqual(["fake.example", null]);
});

test("each destination of a UDP socket is a flow, and a denied one stays one record", () => {
	const desk = new Desk();
	const udp = { protocol: PROTOCOL.udp, hook: HOOK.sendmsg, cookie: 3n } as const;
	desk.feed(
		connect({ ...udp, remote: "192.0.2.1" }),
		connect({ ...udp, remote: "192.0.2.2" }),
		connect({ ...udp, remote: "192.0.2.2", remotePort: 444 }),
	);
	expect(desk.views()).toHaveLength(3);
	desk.feed(
		connect({ ...udp, remote: "192.0.2.9", verdict: VERDICT.deny }),
		connect({ ...udp, remote: "192.0.2.9", verdict: VERDICT.deny }),
	);
	expect(desk.views()).toHaveLength(4);
	expect(desk.destroyed).toEqual([]);
});

test("a socket that connects to another address begins another record", () => {
	const desk = new Desk();
	desk.feed(connect({ remote: "192.0.2.1" }), connect({ remote: "192.0.2.2" }), connect({ remote: "192.0.2.2" }));
	expect(desk.views().map((view) => [view.remote, view.end, view.open])).toEqual([
		["192.0.2.1", "refused", false],
		["192.0.2.2", null, true],
	]);
});

test("the end of a connection older than the daemon is a record; inbound connections and the kernel's packets are not", () => {
	const desk = new Desk();
	desk.feed(
		end(END.remote, { cookie: 50n, packetsOut: 3n, bytesOut: 10n }),
		connect({ cookie: 51n, reason: REASON.inbound }),
		connect({ cookie: 52n, reason: REASON.kernel, protocol: 58 }),
	);
	expect(desk.only()).toMatchObject({ bytesOut: 10, phase: null, end: "remote" });
});

test("a process whose event was lost has at least its comm and uid", () => {
	const desk = new Desk();
	desk.feed(connect({ tgid: 4242, uid: 1000, comm: "lost" }));
	expect(desk.only().process).toMatchObject({ pid: 4242, comm: "lost", uid: 1000, exe: null, user: null });
	expect(desk.processes.missed).toBe(1);
});

test("a record keeps its program after an exec", () => {
	const desk = new Desk();
	desk.feed(
		processEvent({ path: "bash/bin/usr/", comm: "bash" }),
		connect({ cookie: 1n }),
		processEvent({ path: "curl/bin/usr/" }),
		connect({ cookie: 2n }),
	);
	expect(desk.views().map((view) => view.process?.exe)).toEqual(["/usr/bin/bash", "/usr/bin/curl"]);
});

test("alerts are kept beside the decision", () => {
	const desk = new Desk();
	desk.rules.set("1 2", { group: "g", name: "odd" });
	desk.feed(connect({ alert: 2 }), hello("a.example", { alert: 2 }));
	expect(desk.only()).toMatchObject({ verdict: "allow", alerts: [{ group: "g", rule: "odd" }] });
});

test("the oldest open connection is evicted, counted, and kept among the ended ones", () => {
	const desk = new Desk({ live: 10, finished: 5 });
	for (let cookie = 1n; cookie <= 30n; cookie++) desk.feed(connect({ cookie }));
	expect(desk.table.kept.sizes).toEqual({ live: 10, finished: 5, questions: 0 });
	expect(desk.table.dropped).toBe(20);
});

test("names, arguments and comm are printable", () => {
	const desk = new Desk();
	desk.feed(processEvent({ comm: "ev\x1b[2Jil", args: "x\0\u202eabc\n" }), connect(), hello("a\x1b]0;b\x07.example"));
	const text = JSON.stringify(desk.only());
	expect(text).toContain("\\\\x1b[2J");
	// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
	expect(/[\x00-\x1f\x7f-\x9f\u202e]|\\u00/.test(text)).toBe(false);
});

test("watchers are called: opened, denied once, ended", () => {
	const desk = new Desk();
	const calls: string[] = [];
	desk.table.watch({
		opened: (c) => calls.push(`opened ${c.id}`),
		denied: (c) => calls.push(`denied ${c.id}`),
		ended: (c) => calls.push(`ended ${c.id}`),
	});
	desk.feed(
		connect(),
		hello("b.example", { verdict: VERDICT.deny, phase: PHASE.tls }),
		hello("b.example", { verdict: VERDICT.deny, phase: PHASE.tls }),
		end(END.reset),
	);
	expect(calls).toEqual(["opened 1", "denied 1", "ended 1"]);
});
