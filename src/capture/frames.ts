/** Headers that many links share: EtherTypes, IEEE 802.2, and bare IP. */

/** Receives the payload of a frame and its EtherType. Called several times for an aggregated frame. */
export type Carried = (etherType: number, bytes: Buffer) => void;

export const ETHER_IPV4 = 0x0800;
export const ETHER_IPV6 = 0x86dd;
export const ETHER_TRANSPARENT = 0x6558;

const LLC_SNAP = 0xaaaa;
const LLC_IP = 0x0606;
/** A smaller value is a length, followed by LLC (IEEE 802.3). */
const ETHER_TYPES_FROM = 0x0600;

/** Passes on the payload of an Ethernet frame. */
export function readEthernet(bytes: Buffer, carried: Carried): void {
	if (bytes.length >= 14) readTyped(bytes.readUInt16BE(12), bytes.subarray(14), carried);
}

/** IEEE 802.2 with SNAP (RFC 1042): 802.11, FDDI, and 802.3 with a length. */
export function readLlc(bytes: Buffer, carried: Carried): void {
	if (bytes.length < 3) return;
	const sap = bytes.readUInt16BE(0);
	if (sap === LLC_IP) carried(ETHER_IPV4, bytes.subarray(3));
	else if (sap === LLC_SNAP && bytes.length >= 8) carried(bytes.readUInt16BE(6), bytes.subarray(8));
}

/** Reads the payload behind a field that is an EtherType or a length. */
export function readTyped(type: number, bytes: Buffer, carried: Carried): void {
	if (type >= ETHER_TYPES_FROM) carried(type, bytes);
	else readLlc(bytes.subarray(0, type), carried);
}

/** IPv4 or IPv6, by the version in the first byte. */
export function readIp(bytes: Buffer, carried: Carried): void {
	if (bytes.length === 0) return;
	const version = bytes.readUInt8(0) >> 4;
	if (version === 4) carried(ETHER_IPV4, bytes);
	else if (version === 6) carried(ETHER_IPV6, bytes);
}
