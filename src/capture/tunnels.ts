/** Tunnels: each function reads a header and passes on the inner packet with its EtherType. */
import { type Carried, ETHER_TRANSPARENT, readEthernet, readIp } from "./frames.ts";
import { readPpp } from "./ppp.ts";
import { readWifi } from "./wifi.ts";

const GRE_PPP = 0x880b;
const GRE_ERSPAN = 0x88be;
const GRE_ERSPAN_III = 0x22eb;

/** GRE: RFC 2784, RFC 2890, version 1 of PPTP (RFC 2637), and ERSPAN (draft-foschiano-erspan). */
export function readGre(bytes: Buffer, carried: Carried): void {
	if (bytes.length < 4) return;
	const flags = bytes.readUInt16BE(0);
	const type = bytes.readUInt16BE(2);
	const sequence = (flags & 0x1000) !== 0;
	let header = 4;
	if ((flags & 0xc000) !== 0) header += 4; // checksum and offset
	if ((flags & 0x2000) !== 0) header += 4; // key
	if (sequence) header += 4;
	if ((flags & 7) === 1 && (flags & 0x80) !== 0) header += 4; // acknowledgement
	const inner = bytes.subarray(header);
	if (type === GRE_PPP) readPpp(inner, carried);
	else if (type === GRE_ERSPAN) readEthernet(inner.subarray(sequence ? 8 : 0), carried);
	else if (type === GRE_ERSPAN_III) {
		if (inner.length >= 12) readEthernet(inner.subarray((inner.readUInt8(11) & 1) === 0 ? 12 : 20), carried);
	} else carried(type, inner);
}

/**
 * MPLS (RFC 3032). The payload is IP if its first byte says so, else Ethernet with or without a control word (RFC
 * 4448).
 */
export function readMpls(bytes: Buffer, carried: Carried): void {
	let at = 0;
	while (at + 4 <= bytes.length && (bytes.readUInt8(at + 2) & 1) === 0) at += 4;
	const inner = bytes.subarray(at + 4);
	if (inner.length < 4) return;
	const nibble = inner.readUInt8(0) >> 4;
	if (nibble === 4 || nibble === 6) readIp(inner, carried);
	else readEthernet(nibble === 0 && inner.readUInt16BE(0) === 0 ? inner.subarray(4) : inner, carried);
}

/** PPPoE session data (RFC 2516 4). */
export function readPppoe(bytes: Buffer, carried: Carried): void {
	if (bytes.length < 6 || bytes.readUInt8(1) !== 0) return;
	readPpp(bytes.subarray(6, 6 + bytes.readUInt16BE(4)), carried);
}

/** Reads a UDP datagram as the tunnel of its port. False: it is not a tunnel. */
export function readUdpTunnel(port: number, bytes: Buffer, carried: Carried): boolean {
	const read = TUNNELS[port];
	return read !== undefined && bytes.length >= 8 && read(bytes, carried);
}

type Tunnel = (bytes: Buffer, carried: Carried) => boolean;

/** RFC 7348. */
const vxlan: Tunnel = (bytes, carried) => {
	if ((bytes.readUInt8(0) & 0x08) === 0 || bytes.readUInt8(7) !== 0) return false;
	readEthernet(bytes.subarray(8), carried);
	return true;
};

/** draft-ietf-nvo3-vxlan-gpe. */
const vxlanGpe: Tunnel = (bytes, carried) => {
	const next = bytes.readUInt8(3);
	if ((bytes.readUInt8(0) & 0x0c) !== 0x0c) return vxlan(bytes, carried);
	if (next === 1 || next === 2) readIp(bytes.subarray(8), carried);
	else if (next === 3) readEthernet(bytes.subarray(8), carried);
	return true;
};

/** RFC 8926. */
const geneve: Tunnel = (bytes, carried) => {
	const first = bytes.readUInt8(0);
	if (first >> 6 !== 0) return false;
	const type = bytes.readUInt16BE(2);
	const inner = bytes.subarray(8 + (first & 0x3f) * 4);
	if (type === ETHER_TRANSPARENT) readEthernet(inner, carried);
	else carried(type, inner);
	return true;
};

/** GTP-U (3GPP TS 29.281): a G-PDU is an IP packet behind extension headers. */
const gtp: Tunnel = (bytes, carried) => {
	const flags = bytes.readUInt8(0);
	if (flags >> 5 !== 1 || (flags & 0x10) === 0 || bytes.readUInt8(1) !== 0xff) return false;
	let at = 8;
	if ((flags & 7) !== 0) {
		if (bytes.length < 12) return false;
		let next = (flags & 4) === 0 ? 0 : bytes.readUInt8(11);
		at = 12;
		while (next !== 0) {
			const units = at < bytes.length ? bytes.readUInt8(at) : 0;
			if (units === 0 || at + units * 4 > bytes.length) return false;
			next = bytes.readUInt8(at + units * 4 - 1);
			at += units * 4;
		}
	}
	readIp(bytes.subarray(at), carried);
	return true;
};

/** Teredo (RFC 4380 5.1.1), with optional authentication and origin headers. */
const teredo: Tunnel = (bytes, carried) => {
	let at = 0;
	if (bytes.readUInt16BE(0) === 1) at = 13 + bytes.readUInt8(2) + bytes.readUInt8(3);
	if (at + 2 <= bytes.length && bytes.readUInt16BE(at) === 0) at += 8;
	if (at >= bytes.length || bytes.readUInt8(at) >> 4 !== 6) return false;
	readIp(bytes.subarray(at), carried);
	return true;
};

/** CAPWAP data (RFC 5415 4.3). Controllers of Cisco swap the two bytes of the frame control. */
const capwap: Tunnel = (bytes, carried) => {
	const header = (bytes.readUInt8(1) >> 3) * 4;
	if (bytes.readUInt8(0) !== 0 || header < 8) return false;
	const native = (bytes.readUInt8(2) & 1) === 1;
	const fragmented = (bytes.readUInt8(3) & 0x80) !== 0;
	const inner = bytes.subarray(header);
	if (fragmented) return true;
	if (!native) readEthernet(inner, carried);
	else if (inner.length > 2) {
		const swapped = (inner.readUInt8(0) & 0x0f) !== 8 && (inner.readUInt8(1) & 0x0f) === 8;
		readWifi(swapped ? Buffer.concat([inner.subarray(0, 2).reverse(), inner.subarray(2)]) : inner, carried);
	}
	return true;
};

/** L2TP data (RFC 2661 3.1): PPP. */
const l2tp: Tunnel = (bytes, carried) => {
	const flags = bytes.readUInt16BE(0);
	if ((flags & 0x8000) !== 0 || (flags & 0x000f) !== 2) return false;
	let at = 6;
	if ((flags & 0x4000) !== 0) at += 2; // length
	if ((flags & 0x0800) !== 0) at += 4; // sequence numbers
	if ((flags & 0x0200) !== 0) at += 2 + (at + 2 <= bytes.length ? bytes.readUInt16BE(at) : 0); // offset
	readPpp(bytes.subarray(at), carried);
	return true;
};

/** RFC 8086: the version and reserved bits are 0. */
const greInUdp: Tunnel = (bytes, carried) => {
	if ((bytes.readUInt16BE(0) & 0x4fff) !== 0) return false;
	readGre(bytes, carried);
	return true;
};

/** RFC 7510: a label stack, whose TTL is not 0. */
const mplsInUdp: Tunnel = (bytes, carried) => {
	if (bytes.readUInt8(3) === 0) return false;
	readMpls(bytes, carried);
	return true;
};

const TUNNELS: Readonly<Record<number, Tunnel>> = {
	1701: l2tp,
	2152: gtp,
	3544: teredo,
	4754: greInUdp,
	4789: vxlan,
	4790: vxlanGpe,
	5247: capwap,
	6081: geneve,
	6635: mplsInUdp,
	8472: vxlan, // Linux, before IANA assigned 4789
};
