/** Crafted IP packets with their payload, for raw and packet sockets and for unsolicited answers. */
import { isIPv6 } from "node:net";
import { addressBytes } from "./dns-encode.ts";

export const TCP = 6;
export const UDP = 17;

export interface Segment {
	readonly sequence?: number;
	/** TCP flags; default: PSH and ACK. */
	readonly flags?: number;
}

/** Source and destination port. */
type Ports = readonly [number, number];

/** An IPv4 or IPv6 packet, depending on its addresses. `options`: for IPv4, a multiple of four bytes. */
export function packet(from: string, to: string, protocol: number, payload: Buffer, options = Buffer.alloc(0)): Buffer {
	if (isIPv6(to)) {
		const head = Buffer.from([0x60, 0, 0, 0, payload.length >> 8, payload.length & 255, protocol, 64]);
		return Buffer.concat([head, Buffer.from([...addressBytes(from), ...addressBytes(to)]), payload]);
	}
	return Buffer.concat([header4(from, to, protocol, payload.length, 0, options), payload]);
}

/** An IPv4 fragment: `word` is the field of flags and offset (RFC 791 3.1). */
export function fragment(from: string, to: string, protocol: number, word: number, payload: Buffer): Buffer {
	return Buffer.concat([header4(from, to, protocol, payload.length, word, Buffer.alloc(0)), payload]);
}

function header4(from: string, to: string, protocol: number, size: number, word: number, options: Buffer): Buffer {
	const head = Buffer.alloc(20 + options.length);
	head[0] = 0x40 | (head.length / 4);
	head.writeUInt16BE(head.length + size, 2);
	head.writeUInt16BE(0x7a7a, 4);
	head.writeUInt16BE(word, 6);
	head[8] = 64;
	head[9] = protocol;
	head.set([...addressBytes(from), ...addressBytes(to)], 12);
	head.set(options, 20);
	head.writeUInt16BE(checksum(head), 10);
	return head;
}

export function udp(from: string, to: string, [source, destination]: Ports, data: Buffer): Buffer {
	const head = Buffer.alloc(8);
	head.writeUInt16BE(source, 0);
	head.writeUInt16BE(destination, 2);
	head.writeUInt16BE(8 + data.length, 4);
	const whole = Buffer.concat([head, data]);
	whole.writeUInt16BE(checksum(Buffer.concat([pseudo(from, to, UDP, whole.length), whole])) || 0xffff, 6);
	return packet(from, to, UDP, whole);
}

export function tcp(from: string, to: string, ports: Ports, data: Buffer, segment: Segment = {}): Buffer {
	const head = Buffer.alloc(20);
	head.writeUInt16BE(ports[0], 0);
	head.writeUInt16BE(ports[1], 2);
	head.writeUInt32BE(segment.sequence ?? 1, 4);
	head.writeUInt32BE(1, 8);
	head[12] = 0x50;
	head[13] = segment.flags ?? 0x18;
	head.writeUInt16BE(0xffff, 14);
	const whole = Buffer.concat([head, data]);
	whole.writeUInt16BE(checksum(Buffer.concat([pseudo(from, to, TCP, whole.length), whole])), 16);
	return packet(from, to, TCP, whole);
}

/** ICMP or ICMPv6 with its checksum; `type` and code 0. */
export function icmp(from: string, to: string, type: number, data: Buffer): Buffer {
	const six = isIPv6(to);
	const message = Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 7, 0, 1]), data]);
	const covered = six ? Buffer.concat([pseudo(from, to, 58, message.length), message]) : message;
	message.writeUInt16BE(checksum(covered), 2);
	return packet(from, to, six ? 58 : 1, message);
}

function pseudo(from: string, to: string, protocol: number, size: number): Buffer {
	const addresses = [...addressBytes(from), ...addressBytes(to)];
	if (isIPv6(to)) return Buffer.from([...addresses, 0, 0, size >> 8, size & 255, 0, 0, 0, protocol]);
	return Buffer.from([...addresses, 0, protocol, size >> 8, size & 255]);
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
	let sum = 0;
	for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
	while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
	return ~sum & 0xffff;
}
