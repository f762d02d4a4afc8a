import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { packAddress } from "../../../src/base/address.ts";
import { Sweep } from "../../../src/connections/sweep.ts";
import { FLOW, FLOW_KEY, HOOK, PROTOCOL, REASON, VERDICT } from "../../../src/native/layout.ts";
import { connect, question } from "../support/events.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { TableHarness } from "../support/table-harness.ts";

beforeEach(() => void vi.useFakeTimers({ now: 1_000 }));
afterEach(() => void vi.useRealTimers());

const S = 1_000_000_000;
const RESOLVER = { protocol: PROTOCOL.udp, remote: "198.18.77.1", remotePort: 53, cookie: 5n } as const;
const flow = (fields = {}) => connect({ ...RESOLVER, hook: HOOK.sendmsg, ...fields });
const ask = (name: string, fields = {}) => question(name, 1, { ...RESOLVER, ...fields });

function setUp() {
	const harness = new TableHarness();
	const kernel = new FakeKernel();
	const sweep = new Sweep({
		kernel,
		table: harness.table,
		clock: harness.clock,
		udpIdle: 30_000,
		inboundIdle: 600_000,
	});
	const sent = (packets: number, last: number) => {
		const key = Buffer.alloc(FLOW_KEY.bytes);
		key.writeBigUInt64LE(RESOLVER.cookie, FLOW_KEY.cookie);
		key.write(packAddress(RESOLVER.remote) ?? "", FLOW_KEY.remote, "latin1");
		key.writeUInt16LE(RESOLVER.remotePort, FLOW_KEY.remotePort);
		key.writeUInt8(RESOLVER.protocol, FLOW_KEY.protocol);
		const value = Buffer.alloc(FLOW.bytes);
		value.writeBigUInt64LE(BigInt(last), FLOW.last);
		value.writeBigUInt64LE(BigInt(packets), FLOW.packetsOut);
		kernel.update("flows", key, value);
	};
	const sweepAt = (time: number) => {
		harness.now = time;
		sweep.run();
	};
	const rows = () => harness.views().map(({ kind, name, verdict }) => `${kind} ${name} ${verdict}`);
	return { harness, sent, sweepAt, rows };
}

test("a flow with DNS queries only has one row per query, also after it has ended", () => {
	const { harness, sent, sweepAt, rows } = setUp();
	harness.feed(flow(), ask("a.example"), ask("b.example"));
	vi.advanceTimersByTime(5_000);
	sent(2, S);
	for (const time of [5, 10, 40]) sweepAt(time * S);
	expect(rows()).toEqual(["dns a.example allow", "dns b.example allow"]);
	expect(harness.table.kept.sizes).toEqual({ live: 0, finished: 0, questions: 2 });
});

test("a question has the decision and the alert of its flow; its own decision is shown if neither is more severe", () => {
	const { harness } = setUp();
	harness.rules.set("1 3", { group: "g", name: "resolver" });
	harness.rules.set("1 4", { group: "g", name: "name" });
	harness.feed(flow({ rule: 3, alert: 4, reason: REASON.rule }), ask("a.example", { rule: 4, reason: REASON.rule }));
	expect(harness.only()).toMatchObject({
		phase: "dns",
		rule: "name",
		alerts: [{ group: "g", rule: "name" }],
		decisions: { connect: { rule: "resolver" }, dns: { rule: "name" } },
	});
});

test("a question to a resolver that the policy would deny is one row that would be denied", () => {
	const { harness, rows } = setUp();
	harness.feed(flow({ verdict: VERDICT.wouldDeny }), ask("a.example"));
	expect(rows()).toEqual(["dns a.example would_deny"]);
	expect(harness.only()).toMatchObject({ phase: "connect" });
});

test("a denied flow is a connection, because its question was never read", () => {
	const { harness, rows } = setUp();
	harness.feed(flow({ verdict: VERDICT.deny }));
	expect(rows()).toEqual(["connection null deny"]);
});

test("a flow that a new policy denies is a connection from then on", () => {
	const { harness, rows } = setUp();
	harness.feed(flow(), ask("a.example"));
	harness.feed(flow({ verdict: VERDICT.deny, generation: 2 }));
	expect(rows()).toEqual(["connection null deny", "dns a.example allow"]);
});

test("a denied question is one row", () => {
	const { harness, rows } = setUp();
	harness.feed(flow(), ask("a.example", { verdict: VERDICT.deny }));
	vi.advanceTimersByTime(1_000);
	expect(rows()).toEqual(["dns a.example deny"]);
});

test("a flow whose first packet is not a DNS query becomes a connection at the next tick", () => {
	const { harness, rows } = setUp();
	const opened: number[] = [];
	harness.table.watch({ opened: ({ id }) => opened.push(id) });
	harness.feed(flow());
	expect(rows()).toEqual([]);
	vi.advanceTimersByTime(500);
	expect(rows()).toEqual(["connection null allow"]);
	expect(opened).toEqual([1]);
	expect(harness.only().open).toBe(true);
});

test("a flow that carries other data later becomes a connection, with its counters", () => {
	const { harness, sent, sweepAt, rows } = setUp();
	harness.feed(flow(), ask("a.example"));
	sent(3, 4 * S);
	sweepAt(5 * S);
	expect(rows(), "the event of a question may still be on its way").toEqual(["dns a.example allow"]);
	sweepAt(10 * S);
	expect(rows()).toEqual(["connection null allow", "dns a.example allow"]);
	expect(harness.views()[0]).toMatchObject({ packetsOut: 3, open: true });
	sweepAt(40 * S);
	expect(harness.views()[0]).toMatchObject({ open: false, end: "idle" });
});

test("of too many flows the oldest is evicted, with a record unless it has sent a question", () => {
	const harness = new TableHarness({ live: 2 });
	harness.feed(flow({ cookie: 1n }), ask("a.example", { cookie: 1n }), flow({ cookie: 2n }), flow({ cookie: 3n }));
	harness.feed(flow({ cookie: 4n }));
	expect(harness.views().map(({ kind, name }) => `${kind} ${name}`)).toEqual(["dns a.example", "connection null"]);
});

test("questions to a trusted resolver and over TCP are as before", () => {
	const { harness, rows } = setUp();
	harness.feed(flow({ reason: REASON.resolver }), ask("a.example"), connect({ ...RESOLVER, protocol: PROTOCOL.tcp }));
	expect(rows()).toEqual(["dns a.example allow", "connection null allow"]);
});
