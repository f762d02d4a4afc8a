/** Headers that capture programs add in front of frames. */

const NFULA_PAYLOAD = 9;
const NONE: Buffer = Buffer.alloc(0);

/** Radiotap (https://www.radiotap.org): its length, and whether the following 802.11 header is padded to four bytes. */
export function readRadiotap(bytes: Buffer): { readonly length: number; readonly padded: boolean } | null {
	if (bytes.length < 8) return null;
	const length = bytes.readUInt16LE(2);
	let at = 4;
	let present = bytes.readUInt32LE(at);
	const first = present;
	at += 4;
	// The highest bit means that another word of presence bits follows.
	while (present >>> 31 === 1 && at + 4 <= bytes.length) {
		present = bytes.readUInt32LE(at);
		at += 4;
	}
	// TSFT (8 bytes, aligned to 8) precedes the flags.
	if ((first & 1) !== 0) at = ((at + 7) & ~7) + 8;
	const flags = (first & 2) !== 0 && at < bytes.length ? bytes.readUInt8(at) : 0;
	return { length, padded: (flags & 0x20) !== 0 };
}

/** Per-Packet Information, always little-endian. */
export function readPpi(bytes: Buffer): { readonly linkType: number; readonly bytes: Buffer } | null {
	if (bytes.length < 8) return null;
	return { linkType: bytes.readUInt32LE(4), bytes: bytes.subarray(bytes.readUInt16LE(2)) };
}

/** The payload among the attributes of an NFLOG packet, whose integers have the byte order of the capturing host. */
export function readNflog(bytes: Buffer): Buffer {
	for (const little of [true, false]) {
		const u16 = (at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
		for (let at = 4; at + 4 <= bytes.length; ) {
			const length = u16(at);
			if (length < 4) break;
			if ((u16(at + 2) & 0x7fff) === NFULA_PAYLOAD) return bytes.subarray(at + 4, at + length);
			at += (length + 3) & ~3;
		}
	}
	return NONE;
}
