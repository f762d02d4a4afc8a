import type { Carried } from "./frames.ts";

/** EtherTypes by PPP protocol number. */
const CARRIED: Readonly<Record<number, number>> = { 33: 0x0800, 87: 0x86dd, 641: 0x8847, 643: 0x8848 };

/** PPP (RFC 1661), with or without the address and control bytes of HDLC framing (RFC 1662). */
export function readPpp(bytes: Buffer, carried: Carried): void {
	let at = bytes.length >= 2 && bytes.readUInt16BE(0) === 0xff03 ? 2 : 0;
	if (bytes.length < at + 2) return;
	// An odd first byte is the whole protocol number (protocol field compression, RFC 1661 6.5).
	const short = (bytes.readUInt8(at) & 1) === 1;
	const protocol = short ? bytes.readUInt8(at) : bytes.readUInt16BE(at);
	at += short ? 1 : 2;
	const etherType = CARRIED[protocol];
	if (etherType !== undefined) carried(etherType, bytes.subarray(at));
}
