import { type Carried, readLlc } from "./frames.ts";

const DATA = 2;
const NO_DATA = 0x4;
const QOS = 0x8;
const TO_DS = 0x01;
const FROM_DS = 0x02;
const PROTECTED = 0x40;
const ORDER = 0x80;
const AGGREGATE = 0x80;

/**
 * An unencrypted data frame of IEEE 802.11.
 *
 * @param padded the header is padded to a multiple of four bytes
 */
export function readWifi(bytes: Buffer, carried: Carried, padded = false): void {
	if (bytes.length < 24) return;
	const kind = bytes.readUInt8(0);
	const flags = bytes.readUInt8(1);
	const subtype = kind >> 4;
	if (((kind >> 2) & 3) !== DATA || (subtype & NO_DATA) !== 0 || (flags & PROTECTED) !== 0) return;
	let header = (flags & (TO_DS | FROM_DS)) === (TO_DS | FROM_DS) ? 30 : 24;
	let aggregated = false;
	if ((subtype & QOS) !== 0) {
		if (bytes.length < header + 2) return;
		aggregated = (bytes.readUInt8(header) & AGGREGATE) !== 0;
		header += (flags & ORDER) === 0 ? 2 : 6;
	}
	if (padded) header = (header + 3) & ~3;
	const body = bytes.subarray(header);
	if (!aggregated) {
		readLlc(body, carried);
		return;
	}
	// Subframes: destination, source, length. Each but the last is padded to a multiple of four bytes.
	for (let at = 0; at + 14 <= body.length; ) {
		const length = body.readUInt16BE(at + 12);
		readLlc(body.subarray(at + 14, at + 14 + length), carried);
		at += (14 + length + 3) & ~3;
	}
}
