/** Datagrams are found under any link type, behind tags, in tunnels and in fragments. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressText, type Packed } from "../../../src/base/address.ts";
import { type Datagram, Dissector } from "../../../src/capture/dissector.ts";
import {
	ETHER,
	ethernet,
	IP,
	type IpOptions,
	ip,
	ipv4,
	ipv6,
	tagged,
	u8,
	u16,
	u32,
	udp,
} from "../../support/capture/packets.ts";

const SAID = "what was said";
const V4 = { from: "192.0.2.1", to: "198.51.100.2", protocol: IP.udp };
const V6 = { from: "2001:db8::1", to: "2001:db8::2", protocol: IP.udp };
const OUTER = { from: "10.0.0.1", to: "10.0.0.2" };
const inner = udp(1111, 2222, Buffer.from(SAID));
const packet4 = ip(V4, inner);
const packet6 = ip(V6, inner);
const frame4 = ethernet(ETHER.ipv4, packet4);
const AS_V4 = `192.0.2.1:1111 > 198.51.100.2:2222 ${SAID}`;
const AS_V6 = `[2001:db8::1]:1111 > [2001:db8::2]:2222 ${SAID}`;

function endpoint(packed: Packed, port: number): string {
	const host = addressText(packed);
	return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function dissect(packets: readonly Buffer[], linkType = 1): string[] {
	const found: Datagram[] = [];
	const dissector = new Dissector({ segment: () => {}, datagram: (datagram) => found.push(datagram) });
	for (const [index, bytes] of packets.entries())
		dissector.take({ number: index + 1, time: 0n, linkType, bytes, length: bytes.length });
	return found.map((each) => {
		const from = endpoint(each.source, each.sourcePort);
		const to = endpoint(each.destination, each.destinationPort);
		return `${from} > ${to} ${each.payload.toString()}`;
	});
}

const llc = Buffer.concat([Buffer.from("aaaa03000000", "hex"), u16(ETHER.ipv4), packet4]);
const wifi = (kind: number, flags: number, header: number, ...rest: Buffer[]) =>
	Buffer.concat([u8(kind, flags), Buffer.alloc(header - 2), ...rest]);
const dataFrame = wifi(0x08, 0x01, 24, llc);
const radiotap = (flags: number) => Buffer.concat([u8(0, 0, 17, 0), u8(3, 0, 0, 0), Buffer.alloc(8), u8(flags)]);
const nflogPacket = Buffer.concat([u8(4 + packet4.length, 0, 9, 0), packet4]);

const links: readonly (readonly [string, number, Buffer])[] = [
	["null", 0, Buffer.concat([u8(2, 0, 0, 0), packet4])],
	["loopback", 108, Buffer.concat([u8(0, 0, 0, 2), packet4])],
	["raw", 101, packet4],
	["raw IPv4", 228, packet4],
	["PPP", 9, Buffer.concat([u16(0x0021), packet4])],
	["PPP with its address, in one byte", 9, Buffer.concat([u16(0xff03), u8(0x21), packet4])],
	["Linux cooked", 113, Buffer.concat([Buffer.alloc(14), u16(ETHER.ipv4), packet4])],
	["Linux cooked 2", 276, Buffer.concat([u16(ETHER.ipv4), Buffer.alloc(18), packet4])],
	["Cisco HDLC", 104, Buffer.concat([u16(0x0f00, ETHER.ipv4), packet4])],
	["FDDI", 10, Buffer.concat([Buffer.alloc(13), llc])],
	["802.11", 105, dataFrame],
	["802.11 with QoS", 105, wifi(0x88, 0x02, 26, llc)],
	["802.11 with four addresses", 105, wifi(0x08, 0x03, 30, llc)],
	[
		"802.11 aggregated",
		105,
		wifi(0x88, 0x01, 24, u8(0x80, 0), Buffer.alloc(12), u16(2), u16(0, 0), Buffer.alloc(10), u16(llc.length), llc),
	],
	["radiotap", 127, Buffer.concat([radiotap(0), dataFrame])],
	["radiotap, padded", 127, Buffer.concat([radiotap(0x20), wifi(0x88, 0x02, 28, llc)])],
	["NFLOG", 239, Buffer.concat([u8(2, 0, 0, 0), u8(8, 0, 1, 0), Buffer.alloc(4), nflogPacket])],
	["802.3 with a length", 1, ethernet(llc.length, llc)],
];

const gre = (protocol: number, payload: Buffer, flags = 0, rest = Buffer.alloc(0)) =>
	ethernet(ETHER.ipv4, ip({ ...OUTER, protocol: IP.gre }, Buffer.concat([u16(flags, protocol), rest, payload])));
const overUdp = (port: number, payload: Buffer) =>
	ethernet(ETHER.ipv4, ip({ ...OUTER, protocol: IP.udp }, udp(50_000, port, payload)));
const vxlan = (frame: Buffer) => overUdp(4789, Buffer.concat([u8(8, 0, 0, 0, 0, 0, 9, 0), frame]));

const wrapped: readonly (readonly [string, Buffer])[] = [
	["a VLAN", ethernet(ETHER.vlan, tagged(ETHER.ipv4, packet4))],
	["QinQ", ethernet(ETHER.qinq, tagged(ETHER.vlan, tagged(ETHER.ipv4, packet4)))],
	["PPPoE", ethernet(ETHER.pppoe, Buffer.concat([u16(0x1100, 1, 2 + packet4.length, 0x21), packet4]))],
	["MPLS", ethernet(ETHER.mpls, Buffer.concat([u32(0x00010040, 0x00020140), packet4]))],
	["Ethernet over MPLS", ethernet(ETHER.mpls, Buffer.concat([u32(0x00020140, 0), frame4]))],
	["IP in IP", ethernet(ETHER.ipv4, ip({ ...OUTER, protocol: IP.ipip }, packet4))],
	["GRE", gre(ETHER.ipv4, packet4)],
	["GRE with key and number", gre(ETHER.ipv4, packet4, 0x3000, Buffer.alloc(8))],
	["ERSPAN", gre(0x88be, Buffer.concat([Buffer.alloc(8), frame4]), 0x1000, Buffer.alloc(4))],
	["VXLAN", vxlan(frame4)],
	["VXLAN in VXLAN", vxlan(vxlan(frame4))],
	["Geneve with options", overUdp(6081, Buffer.concat([u8(1, 0), u16(0x6558), Buffer.alloc(8), frame4]))],
	["GTP-U", overUdp(2152, Buffer.concat([u8(0x30, 0xff), u16(packet4.length), u32(7), packet4]))],
	[
		"GTP-U with an extension",
		overUdp(2152, Buffer.concat([u8(0x34, 0xff), u16(0), u32(7), u8(0, 0, 0, 0x85, 1, 0, 0, 0), packet4])),
	],
	["with the frame's padding behind", Buffer.concat([frame4, Buffer.alloc(9, 0x55)])],
];

test.each(links)("%s", (_name, linkType, bytes) => {
	expect(dissect([bytes], linkType)).toEqual([AS_V4]);
});

test.each(wrapped)("in %s", (_name, bytes) => {
	expect(dissect([bytes])).toEqual([AS_V4]);
});

test("IPv6 behind extension headers, also in IPv4", () => {
	expect(dissect([ethernet(ETHER.ipv6, packet6)])).toEqual([AS_V6]);
	expect(dissect([ethernet(ETHER.ipv4, ip({ ...OUTER, protocol: IP.ipv6 }, packet6))])).toEqual([AS_V6]);
	const extended = Buffer.concat([u8(60, 0), Buffer.alloc(6), u8(IP.udp, 1), Buffer.alloc(14), inner]);
	expect(dissect([ethernet(ETHER.ipv6, ipv6(V6, extended, 0))])).toEqual([AS_V6]);
});

describe("fragments", () => {
	const fragment4 = (from: number, to: number, more: boolean, id = 1) =>
		ethernet(ETHER.ipv4, ipv4({ ...V4, id, offset: from, more }, inner.subarray(from, to)));
	const whole = inner.length;

	test("in any order", () => {
		const parts = [fragment4(0, 8, true), fragment4(8, 16, true), fragment4(16, whole, false)];
		expect(dissect(parts)).toEqual([AS_V4]);
		expect(dissect(parts.toReversed())).toEqual([AS_V4]);
		expect(dissect([parts[1]!, parts[2]!, parts[0]!])).toEqual([AS_V4]);
	});

	test("the bytes that arrived first count where they overlap", () => {
		const forged = Buffer.from(inner);
		forged.fill("X", 8);
		const late = ethernet(ETHER.ipv4, ipv4({ ...V4, offset: 0, more: true }, forged.subarray(0, 16)));
		expect(dissect([fragment4(8, 16, true), late, fragment4(16, whole, false)])).toEqual([AS_V4]);
	});

	test("of different datagrams are not mixed, and a single one is not a datagram", () => {
		expect(dissect([fragment4(0, 8, true, 1), fragment4(8, whole, false, 2)])).toEqual([]);
		expect(dissect([fragment4(8, whole, false)])).toEqual([]);
	});

	test("of IPv6", () => {
		const fragment6 = (from: number, to: number, more: boolean) => {
			const head = Buffer.concat([u8(IP.udp, 0), u16(from | (more ? 1 : 0)), u32(99)]);
			return ethernet(ETHER.ipv6, ipv6(V6, Buffer.concat([head, inner.subarray(from, to)]), 44));
		};
		expect(dissect([fragment6(8, whole, false), fragment6(0, 8, true)])).toEqual([AS_V6]);
	});
});

test("unsupported link types are counted", () => {
	const dissector = new Dissector({ segment: () => {}, datagram: () => {} });
	dissector.take({ number: 1, time: 0n, linkType: 999, bytes: packet4, length: packet4.length });
	expect([...dissector.unknownLinks]).toEqual([[999, 1]]);
});

const all: (readonly [linkType: number, bytes: Buffer])[] = [
	...links.map(([, linkType, bytes]) => [linkType, bytes] as const),
	...wrapped.map(([, bytes]) => [1, bytes] as const),
];

test("any truncated packet is read without an error", () => {
	for (const [linkType, bytes] of all)
		for (let length = 0; length < bytes.length; length++) dissect([bytes.subarray(0, length)], linkType);
});

test("any bytes are read without an error", () => {
	const changed = fc.tuple(
		fc.constantFrom(...all),
		fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { minLength: 1, maxLength: 6 }),
		fc.nat(150),
	);
	fc.assert(
		fc.property(changed, ([[linkType, bytes], changes, length]) => {
			const made = Buffer.from(bytes);
			for (const [at, value] of changes) if (at < made.length) made[at] = value;
			dissect([made.subarray(0, length)], linkType);
		}),
		{ numRuns: 20_000 },
	);
});

test("nested tunnels have a limit", () => {
	let bytes: Buffer = packet4;
	const outer: IpOptions = { ...OUTER, protocol: IP.ipip };
	for (let depth = 0; depth < 200; depth++) bytes = ip(outer, bytes);
	expect(dissect([ethernet(ETHER.ipv4, bytes)])).toEqual([]);
});
