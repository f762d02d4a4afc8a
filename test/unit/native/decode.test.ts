import { expect, test } from "vitest";
import { addressText } from "../../../src/base/address.ts";
import { cookieBits, decodeBatch, newDecodeCounts } from "../../../src/native/decode.ts";
import type {
	AnswerEvent,
	CgroupEvent,
	NamedEvent,
	ProcessEvent,
	RequestEvent,
} from "../../../src/native/event-objects.ts";
import { type DecisionEvent, type EndEvent, keptDecision } from "../../../src/native/event-views.ts";
import type { EventSink } from "../../../src/native/events.ts";
import { HEAD } from "../../../src/native/layout.ts";
import { answer, batch, cgroupEvent, connect, end, hello, processEvent, question, request } from "../support/events.ts";

class Collect implements EventSink {
	readonly decisions: DecisionEvent[] = [];
	readonly nameds: NamedEvent[] = [];
	readonly answers: AnswerEvent[] = [];
	readonly requests: RequestEvent[] = [];
	readonly ends: Partial<EndEvent>[] = [];
	readonly processes: ProcessEvent[] = [];
	readonly cgroups: CgroupEvent[] = [];
	readonly comms: string[] = [];
	readonly hashes: string[] = [];
	decision(event: DecisionEvent, at: { comm(): string }) {
		this.decisions.push(keptDecision(event));
		this.comms.push(at.comm());
	}
	named(event: NamedEvent) {
		this.nameds.push(event);
	}
	request(event: RequestEvent) {
		this.requests.push(event);
	}
	answer(event: AnswerEvent, at: { nameHash(): Buffer }) {
		this.answers.push(event);
		this.hashes.push(at.nameHash().toString("hex"));
	}
	end({ time, cookie, bytesOut, bytesIn, packetsOut, packetsIn, how, remote, remotePort }: EndEvent) {
		this.ends.push({ time, cookie, bytesOut, bytesIn, packetsOut, packetsIn, how, remote, remotePort });
	}
	process(event: ProcessEvent) {
		this.processes.push(event);
	}
	cgroup(event: CgroupEvent) {
		this.cgroups.push(event);
	}
}

function decode(bytes: Buffer, length = bytes.length) {
	const sink = new Collect();
	const counts = newDecodeCounts();
	const records = decodeBatch(bytes, length, sink, counts);
	return { sink, counts, records };
}

test("events of every type are decoded, and copies do not refer to the batch", () => {
	const bytes = batch(
		connect({ remote: "2001:db8::1", remotePort: 8443, uid: 1000, rule: 3, comm: "exactly16bytes!!" }),
		hello("WWW.Example.COM.", { nameHash: 0xfedcba9876543210n }),
		question("a.example.com", 28),
		answer("192.0.2.9", { nameHash: 0x0123456789abcdefn, ttl: 300 }),
		end(1, { bytesOut: 5_000_000_000n, bytesIn: 7n }),
		processEvent({ path: "node/bin/usr/", args: "node\0app.js" }),
		cgroupEvent("system.slice/agent.service/"),
		request({ host: "A.test.", path: `/${"p".repeat(300)}`, status: 404, flags: 0x100 }),
	);
	const { sink, records, counts } = decode(bytes);
	bytes.fill(0);
	expect(records).toBe(8);
	expect(counts).toMatchObject({ records: 8, unknown: 0, torn: 0, byType: [0, 1, 1, 1, 1, 1, 1, 1, 1] });
	expect(sink.decisions[0]).toMatchObject({ tgid: 42, remotePort: 8443, uid: 1000, rule: 3, alert: 0xffff });
	expect(addressText(sink.decisions[0]?.remote ?? "")).toBe("2001:db8::1");
	expect(sink.comms).toEqual(["exactly16bytes!!"]);
	expect(sink.nameds.map((event) => event.name)).toEqual(["www.example.com", "a.example.com"]);
	expect(sink.answers[0]).toMatchObject({ ttl: 300, address: expect.stringContaining("\xff\xff\xc0\x00\x02\x09") });
	expect(sink.hashes).toEqual(["efcdab8967452301"]);
	expect(sink.ends[0]).toMatchObject({ bytesOut: 5_000_000_000, bytesIn: 7, how: 1 });
	expect(sink.processes[0]).toMatchObject({
		path: "node/bin/usr/",
		args: "node\0app.js",
		comm: "curl",
		parentComm: "bash",
	});
	expect(sink.requests[0]).toMatchObject({
		...{ method: "GET", name: "a.test", path: `/${"p".repeat(255)}...`, status: 404, flags: 0x100, phase: 3 },
	});
	expect(sink.cgroups[0]?.path).toBe("system.slice/agent.service/");
});

test("cookies of both kernel counters stay exact in both directions", () => {
	for (const cookie of [1n, 4096n, 0xffff_ffff_ffff_fffen, 0xffff_ffff_0000_0001n]) {
		const { sink } = decode(batch(connect({ cookie })));
		expect(cookieBits(sink.decisions[0]?.cookie ?? 0)).toBe(cookie);
	}
});

test("another version, an unknown type and a record too short for its type are counted and skipped", () => {
	const other = connect();
	other.writeUInt8(99, HEAD.version);
	const unknown = connect();
	unknown.writeUInt8(31, HEAD.type);
	const short = connect();
	short.writeUInt8(6, HEAD.type);
	const { sink, counts } = decode(batch(other, unknown, short, connect()));
	expect(counts.unknown).toBe(3);
	expect(sink.decisions).toHaveLength(1);
});

test("an incomplete record at the end, a size of zero and lengths beyond the record are harmless", () => {
	const whole = batch(connect(), connect());
	expect(decode(whole, whole.length - 8)).toMatchObject({ records: 1 });
	const zero = connect();
	zero.writeUInt16LE(0, HEAD.size);
	expect(decode(batch(zero)).counts.torn).toBeGreaterThan(0);
	const lies = hello("x");
	lies.writeUInt16LE(0xffff, 94);
	expect(decode(batch(lies)).sink.nameds[0]?.name.length).toBeLessThanOrEqual(256);
	expect(decode(Buffer.alloc(0))).toMatchObject({ records: 0 });
});

test("random bytes never throw", () => {
	let seed = 1;
	const random = () => {
		seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
		return seed / 0x7fffffff;
	};
	for (let round = 0; round < 500; round++) {
		const bytes = Buffer.from(Array.from({ length: Math.floor(random() * 3000) }, () => Math.floor(random() * 256)));
		if (bytes.length > 4) {
			bytes.writeUInt16LE(Math.floor(random() * 1200), 0);
			bytes.writeUInt8(Math.floor(random() * 9), 2);
			bytes.writeUInt8(1, 3);
		}
		decode(bytes);
	}
});
