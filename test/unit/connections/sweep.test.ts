import { expect, test } from "vitest";
import { packAddress } from "../../../src/base/address.ts";
import { Sweep } from "../../../src/connections/sweep.ts";
import { FLOW, FLOW_FLAG, FLOW_KEY, HOOK, LEARNED, PROTOCOL } from "../../../src/native/layout.ts";
import { learnedKey } from "../../../src/native/learned-key.ts";
import { answer, connect, question } from "../support/events.ts";
import { FakeKernel } from "../support/fake-kernel.ts";
import { TableHarness } from "../support/table-harness.ts";

const S = 1_000_000_000;

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
	return { harness, kernel, sweep };
}

function putFlow(
	kernel: FakeKernel,
	{ last, flags = 0, bytesOut = 0 }: { last: number; flags?: number; bytesOut?: number },
) {
	const key = Buffer.alloc(FLOW_KEY.bytes);
	key.writeBigUInt64LE(3n, FLOW_KEY.cookie);
	key.write(packAddress("192.0.2.1") ?? "", FLOW_KEY.remote, "latin1");
	key.writeUInt16LE(443, FLOW_KEY.remotePort);
	key.writeUInt8(PROTOCOL.udp, FLOW_KEY.protocol);
	const value = Buffer.alloc(FLOW.bytes);
	value.writeBigUInt64LE(BigInt(last), FLOW.last);
	value.writeBigUInt64LE(BigInt(bytesOut), FLOW.bytesOut);
	value.writeUInt8(flags, FLOW.flags);
	kernel.update("flows", key, value);
	return key;
}

const udp = { protocol: PROTOCOL.udp, hook: HOOK.sendmsg, cookie: 3n } as const;

test("the bytes of a UDP flow are those of the kernel's map, and an idle flow ends", () => {
	const { harness, kernel, sweep } = setUp();
	harness.feed(connect({ ...udp, time: S }));
	const key = putFlow(kernel, { last: 2 * S, bytesOut: 1234 });
	harness.now = 5 * S;
	sweep.run();
	expect(harness.only()).toMatchObject({ bytesOut: 1234, open: true, durationMs: 1000 });
	harness.now = 40 * S;
	sweep.run();
	expect(harness.only()).toMatchObject({ end: "idle", open: false });
	expect(kernel.lookup("flows", key)).toBeNull();
});

test("an inbound flow ends much later, because its answers must not count as egress", () => {
	const { harness, kernel, sweep } = setUp();
	const key = putFlow(kernel, { last: S, flags: FLOW_FLAG.inbound });
	harness.now = 60 * S;
	sweep.run();
	expect(kernel.lookup("flows", key)).not.toBeNull();
	harness.now = 700 * S;
	sweep.run();
	expect(kernel.lookup("flows", key)).toBeNull();
});

test("a learned name is extended while a connection uses its address, shortly before it expires, and not after", () => {
	const { harness, kernel, sweep } = setUp();
	harness.feed(
		question("a.example", 1, { nameHash: 77n }),
		answer("192.0.2.1", { nameHash: 77n }),
		connect({ cookie: 9n, time: S, netns: 7 }),
	);
	const key = learnedKey(7, Buffer.from(packAddress("192.0.2.1") ?? "", "latin1"));
	const put = (expires: number) => {
		const value = Buffer.alloc(LEARNED.bytes);
		value.writeBigUInt64LE(5n, LEARNED.name);
		value.writeBigUInt64LE(77n, LEARNED.name + 8);
		value.writeBigUInt64LE(BigInt(expires), LEARNED.expires + 8);
		kernel.update("learned", key, value);
	};
	const expires = () => Number(kernel.lookup("learned", key)?.readBigUInt64LE(LEARNED.expires + 8));
	put(200 * S);
	harness.now = 2 * S;
	sweep.run();
	expect(expires()).toBe(200 * S);
	harness.now = 145 * S;
	sweep.run();
	expect(expires()).toBe(265 * S);
	put(100 * S);
	harness.now = 230 * S;
	sweep.run();
	expect(expires()).toBe(100 * S);
});

test("a jump of the wall clock ends no flow", () => {
	const { harness, kernel, sweep } = setUp();
	harness.feed(connect({ ...udp, time: S }), connect({ ...udp, cookie: 4n, remotePort: 9, time: S }));
	putFlow(kernel, { last: S });
	sweep.run();
	harness.ahead = 400 * 86_400_000;
	harness.now = 6 * S;
	sweep.run();
	harness.ahead = 0;
	harness.now = 11 * S;
	putFlow(kernel, { last: 10 * S, bytesOut: 99 });
	sweep.run();
	expect(harness.views()).toMatchObject([{ open: true, bytesOut: 99 }, { open: true }]);
	/* The second one, which the kernel's map has lost, ends later. */
	harness.now = 75 * S;
	putFlow(kernel, { last: 74 * S, bytesOut: 99 });
	sweep.run();
	expect(harness.views()).toMatchObject([{ open: true }, { open: false, end: "idle" }]);
});
