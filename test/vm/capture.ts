import { readFileSync } from "node:fs";

/** IPv4 packets to an address in a capture (pcap, Ethernet): https://www.ietf.org/archive/id/draft-gharris-opsawg-pcap-01.html */
export function packetsTo(file: string, address: string): { readonly all: number; readonly to: number } {
	const bytes = readFileSync(file);
	const wanted = address.split(".").map(Number);
	let all = 0;
	let to = 0;
	for (let at = FILE_HEADER; at + PACKET_HEADER <= bytes.length; ) {
		const length = bytes.readUInt32LE(at + 8);
		const frame = bytes.subarray(at + PACKET_HEADER, at + PACKET_HEADER + length);
		at += PACKET_HEADER + length;
		all++;
		if (frame.length < 34 || frame.readUInt16BE(12) !== ETHERTYPE_IPV4) continue;
		if (wanted.every((byte, index) => frame[30 + index] === byte)) to++;
	}
	return { all, to };
}

const FILE_HEADER = 24;
const PACKET_HEADER = 16;
const ETHERTYPE_IPV4 = 0x0800;
