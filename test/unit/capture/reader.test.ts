import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { readCapture } from "../../../src/capture/capture-reader.ts";
import { type CapturedPacket, CaptureError } from "../../../src/capture/packet.ts";
import { pcap, pcapng } from "../../support/capture/files.ts";

const TIME = 1_700_000_000_123_456_789n;
const packets = [
	{ bytes: Buffer.from("first"), time: TIME },
	{ bytes: Buffer.from("second packet"), time: TIME + 1_000_000_000n, length: 1500 },
];

interface Read {
	readonly packets: readonly CapturedPacket[];
	readonly error: CaptureError | null;
}

async function read(file: Buffer, chunk = file.length): Promise<Read> {
	const found: CapturedPacket[] = [];
	const chunks: Buffer[] = [];
	for (let at = 0; at < file.length; at += chunk) chunks.push(file.subarray(at, at + chunk));
	try {
		await readCapture(Readable.from(chunks), (packet) => found.push(packet));
		return { packets: found, error: null };
	} catch (error) {
		if (!(error instanceof CaptureError)) throw error;
		return { packets: found, error };
	}
}

describe("pcap", () => {
	for (const bigEndian of [false, true]) {
		for (const nanoseconds of [false, true]) {
			test(`${bigEndian ? "big" : "little"} endian, ${nanoseconds ? "nano" : "micro"}seconds, in pieces of any size`, async () => {
				const file = pcap(packets, { bigEndian, nanoseconds, linkType: 113 });
				const tick = nanoseconds ? 1n : 1000n;
				for (const chunk of [1, 3, 16, 41, file.length]) {
					const found = await read(file, chunk);
					expect(found.error).toBeNull();
					expect(found.packets.map(({ number, linkType, length }) => ({ number, linkType, length }))).toEqual([
						{ number: 1, linkType: 113, length: 5 },
						{ number: 2, linkType: 113, length: 1500 },
					]);
					expect(found.packets.map(({ bytes }) => bytes.toString())).toEqual(["first", "second packet"]);
					expect(found.packets[0]?.time).toBe((TIME / tick) * tick);
				}
			});
		}
	}

	test("a file that ends inside a record yields the packets before it and the offset", async () => {
		const file = pcap(packets);
		const found = await read(file.subarray(0, file.length - 1));
		expect(found.packets).toHaveLength(1);
		expect(found.error?.offset).toBe(24 + 16 + 5);
		expect(found.error?.message).toBe(
			"the file ends inside a record, with 28 of its 29 bytes (byte 45, after 1 packet)",
		);
	});

	test("a record with an impossible length is reported at once", async () => {
		const file = Buffer.concat([pcap(packets), Buffer.alloc(16, 0xff)]);
		const found = await read(file);
		expect(found.packets).toHaveLength(2);
		expect(found.error?.message).toMatch(
			/a record has an invalid length of 4294967295 bytes \(byte 74, after 2 packets\)/,
		);
	});

	test("compressed files are read", async () => {
		const found = await read(gzipSync(pcap(packets)), 7);
		expect(found.packets).toHaveLength(2);
	});
});

describe("pcapng", () => {
	for (const bigEndian of [false, true]) {
		test(`${bigEndian ? "big" : "little"} endian: each interface has its own link type and clock`, async () => {
			const interfaces = [
				{ linkType: 1 },
				{ linkType: 276, resolution: 9 },
				{ linkType: 101, resolution: 0x80 | 20, offset: 1_000_000_000n },
			];
			const three = [0, 1, 2].map((on) => ({ bytes: Buffer.from(`on ${on}`), time: TIME, on }));
			const file = pcapng(three, interfaces, bigEndian);
			for (const chunk of [1, 5, 64, file.length]) {
				const found = await read(file, chunk);
				expect(found.error).toBeNull();
				expect(found.packets.map(({ linkType }) => linkType)).toEqual([1, 276, 101]);
				expect(found.packets[0]?.time).toBe((TIME / 1000n) * 1000n);
				expect(found.packets[1]?.time).toBe(TIME);
				expect(TIME - found.packets[2]!.time).toBeLessThan(1000n);
			}
		});
	}

	test("each section has its own byte order and interfaces", async () => {
		const file = Buffer.concat([pcapng(packets, [{ linkType: 1 }]), pcapng(packets, [{ linkType: 9 }], true)]);
		const found = await read(file);
		expect(found.packets.map(({ number, linkType }) => [number, linkType])).toEqual([
			[1, 1],
			[2, 1],
			[3, 9],
			[4, 9],
		]);
	});

	test("an interface without a description is reported", async () => {
		const good = pcapng(packets.slice(0, 1), [{ linkType: 1 }]);
		const bad = pcapng([{ ...packets[1]!, on: 1 }], [{ linkType: 1 }, { linkType: 1 }]);
		const onlyItsPacket = bad.subarray(bad.length - (12 + 20 + 16));
		const found = await read(Buffer.concat([good, onlyItsPacket]));
		expect(found.packets).toHaveLength(1);
		expect(found.error?.message).toMatch(/refers to interface 1, which the file does not describe/);
	});

	test("a block whose two lengths differ is reported", async () => {
		const file = Buffer.from(pcapng(packets, [{ linkType: 1 }]));
		file.writeUInt32LE(4, file.length - 4);
		const found = await read(file);
		expect(found.packets).toHaveLength(1);
		expect(found.error?.message).toMatch(/a block has a length of 48 bytes at its start and 4 at its end/);
	});
});

test("another file is reported with its first bytes", async () => {
	expect((await read(Buffer.from("GIF89a"))).error?.message).toMatch(/it begins with 47494638/);
	expect((await read(Buffer.alloc(0))).error?.message).toMatch(/it has no header/);
	expect((await read(gzipSync(Buffer.from("GIF89a")))).error?.message).toMatch(/it begins with 47494638/);
});
