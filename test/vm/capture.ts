import { readFileSync } from "node:fs";

export interface Captured {
	/** Frames from the guest. */
	readonly sent: number;
	/** IPv4 frames among them to the address. */
	readonly to: number;
}

/** Counts the frames from a MAC address in a capture (pcap, Ethernet): draft-gharris-opsawg-pcap-01. */
export function sentTo(file: string, mac: string, address: string): Captured {
	const bytes = readFileSync(file);
	const destination = address.split(".").map(Number);
	const source = Buffer.from(mac.replaceAll(":", ""), "hex");
	let sent = 0;
	let to = 0;
	for (let at = FILE_HEADER; at + PACKET_HEADER <= bytes.length; ) {
		const length = bytes.readUInt32LE(at + 8);
		const frame = bytes.subarray(at + PACKET_HEADER, at + PACKET_HEADER + length);
		at += PACKET_HEADER + length;
		if (!frame.subarray(6, 12).equals(source)) continue;
		sent++;
		if (frame.length < 34 || frame.readUInt16BE(12) !== ETHERTYPE_IPV4) continue;
		if (destination.every((byte, index) => frame[30 + index] === byte)) to++;
	}
	return { sent, to };
}

const FILE_HEADER = 24;
const PACKET_HEADER = 16;
const ETHERTYPE_IPV4 = 0x0800;
