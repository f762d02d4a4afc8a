/** Denials of one kind are one record with a count. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SettledStream } from "../../../src/connections/settled.ts";
import { END, HOOK, PROTOCOL, VERDICT } from "../../../src/native/layout.ts";
import {
	cgroupEvent,
	connect,
	type DecisionFields,
	end,
	hello,
	processEvent,
	question,
	request,
} from "../support/events.ts";
import { TableHarness } from "../support/table-harness.ts";

const SECOND = 1_000_000_000;
const DENY = { verdict: VERDICT.deny } as const;

beforeEach(() => void vi.useFakeTimers({ now: 1_000 }));
afterEach(() => void vi.useRealTimers());

function counts(harness: TableHarness): number[] {
	return harness.views().map(({ count }) => count);
}

test("datagrams of many sockets to one destination are one record, with the first and the last time", () => {
	const harness = new TableHarness();
	const datagram = (index: number) =>
		connect({
			...DENY,
			cookie: BigInt(index + 1),
			protocol: PROTOCOL.udp,
			hook: HOOK.sendmsg,
			time: SECOND + index * 10_000_000,
		});
	for (let index = 0; index < 1_000; index++) harness.feed(datagram(index));
	expect(harness.only()).toMatchObject({ count: 1_000, durationMs: 9_990 });
	expect(harness.table.repeats.counted).toBe(999);
	expect(harness.table.kept.sizes).toMatchObject({ live: 0, finished: 1 });
});

test("datagrams of one socket are counted too, and segments that TCP sends again are not", () => {
	const harness = new TableHarness();
	const udp = connect({ ...DENY, cookie: 1n, protocol: PROTOCOL.udp, hook: HOOK.sendmsg });
	const tcp = connect({ ...DENY, cookie: 2n, hook: HOOK.egress });
	harness.feed(udp, udp, udp, tcp, tcp, tcp);
	expect(counts(harness)).toEqual([3, 1]);
});

test.each<[string, DecisionFields]>([
	["cgroup", { cgroup: 8 }],
	["user", { uid: 7 }],
	["rule", { rule: 3 }],
	["reason", { reason: 1 }],
	["policy", { generation: 2 }],
	["address", { remote: "192.0.2.9" }],
	["port", { remotePort: 80 }],
	["protocol", { protocol: PROTOCOL.udp }],
	["name", { nameHash: 5n }],
])("a denial that differs by its %s has its own record", (_, fields) => {
	const harness = new TableHarness();
	harness.feed(connect({ ...DENY, cookie: 1n, reason: 2 }), connect({ ...DENY, cookie: 2n, reason: 2, ...fields }));
	expect(counts(harness)).toEqual([1, 1]);
});

test("each process has a record, up to a limit; the others of its program are counted in the last one", () => {
	const harness = new TableHarness();
	for (let tgid = 100; tgid < 110; tgid++) {
		harness.feed(processEvent({ tgid, start: tgid }), connect({ ...DENY, cookie: BigInt(tgid), tgid, start: tgid }));
	}
	expect(counts(harness)).toEqual([1, 1, 8]);
	expect(harness.views().map(({ process }) => process?.pid)).toEqual([100, 101, 102]);
});

test("after a minute a kind has a record again", () => {
	const harness = new TableHarness();
	for (const second of [1, 31, 60, 61.1, 62])
		harness.feed(connect({ ...DENY, cookie: BigInt(Math.round(second)), time: second * SECOND }));
	expect(counts(harness)).toEqual([3, 2]);
});

test("what is allowed is never counted in another record", () => {
	const harness = new TableHarness();
	harness.feed(connect({ cookie: 1n }), connect({ cookie: 2n }), connect({ cookie: 3n, verdict: VERDICT.wouldDeny }));
	expect(counts(harness)).toEqual([1, 1, 1]);
});

test("a connection that is denied by its name is counted with its bytes, and its socket is closed", () => {
	const harness = new TableHarness();
	for (const cookie of [1n, 2n, 3n]) {
		harness.feed(
			connect({ cookie }),
			hello("bad.example", { ...DENY, cookie, nameHash: 9n }),
			end(END.reset, { cookie, bytesOut: 10n, packetsOut: 3n }),
		);
	}
	expect(harness.only()).toMatchObject({ name: "bad.example", count: 3, open: false, end: "denied", bytesOut: 30 });
	expect(harness.destroyed.map(({ cookie }) => cookie)).toEqual([1, 2, 3]);
	expect(harness.table.kept.sizes.live).toBe(0);
});

test("requests of other paths and questions of other types have their own records", () => {
	const harness = new TableHarness();
	const denied = (path: string, cookie: bigint) =>
		request({ host: "a.example", path }, { ...DENY, cookie, nameHash: 9n });
	harness.feed(denied("/a", 1n), denied("/a", 2n), denied("/b", 3n));
	expect(counts(harness)).toEqual([2, 1]);
	const asked = (type: number, cookie: bigint) =>
		question("a.example", type, { ...DENY, cookie, nameHash: 8n, remotePort: 53 });
	harness.feed(asked(1, 4n), asked(1, 5n), asked(28, 6n));
	expect(counts(harness)).toEqual([2, 1, 2, 1]);
});

test("a stream reports the first at once, and the count of the repeats within a second", () => {
	const harness = new TableHarness();
	const reported: string[] = [];
	const emit = ({ id, count }: { id: number; count: number }) => void reported.push(`${id} ${count}`);
	const stream = new SettledStream({ table: harness.table, settle: 1_000, emit, repeats: 1_000 });
	harness.feed(cgroupEvent("a/", { cgroup: 7 }), connect({ ...DENY, cookie: 1n }));
	expect(reported).toEqual(["1 1"]);
	for (let cookie = 2n; cookie < 500n; cookie++) harness.feed(connect({ ...DENY, cookie }));
	expect(reported).toHaveLength(1);
	vi.advanceTimersByTime(1_200);
	expect(reported).toEqual(["1 1", "1 499"]);
	stream.close();
});

test("an event of a socket that the program has closed belongs to its record", () => {
	const harness = new TableHarness();
	harness.feed(
		processEvent(),
		connect({ remotePort: 80 }),
		request({ host: "a.example", path: "/", status: 0 }, { nameHash: 9n, remotePort: 80 }),
		end(END.local, { remotePort: 80, packetsOut: 4n }),
		/* The response arrives in a soft interrupt, where no process is known. */
		request({ host: "a.example", path: "/", status: 200 }, { nameHash: 9n, remotePort: 80, tgid: 0, start: 0 }),
	);
	expect(harness.only()).toMatchObject({ open: false, process: { comm: "curl" }, http: { status: 200, requests: 1 } });
});
