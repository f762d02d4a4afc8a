import { isIP, isIPv4 } from "node:net";

/**
 * An address as the 16 bytes of the wire in a latin1 string, IPv4 mapped into IPv6: a cheap key of a Map. Text is made
 * only for output.
 */
export type Packed = string;

export const UNSPECIFIED: Packed = "\0".repeat(16);

const MAPPED = "\0\0\0\0\0\0\0\0\0\0\xff\xff";

export function isMapped(packed: Packed): boolean {
	return packed.startsWith(MAPPED);
}

export function isUnspecified(packed: Packed): boolean {
	return packed === UNSPECIFIED || packed === `${MAPPED}\0\0\0\0`;
}

/** The text of an address: dotted for IPv4, RFC 5952 for IPv6. */
export function addressText(packed: Packed): string {
	const at = (index: number) => packed.charCodeAt(index);
	if (isMapped(packed)) return `${at(12)}.${at(13)}.${at(14)}.${at(15)}`;
	const words: number[] = [];
	for (let index = 0; index < 16; index += 2) words.push((at(index) << 8) | at(index + 1));
	return compress(words);
}

/** The address of a text; null if it is none. A zone ("fe80::1%eth0") is dropped. */
export function packAddress(text: string): Packed | null {
	const [bare = ""] = text.split("%", 1);
	const family = isIP(bare);
	if (family === 0) return null;
	if (family === 4) return MAPPED + String.fromCharCode(...bare.split(".").map(Number));
	return String.fromCharCode(...words6(bare).flatMap((word) => [word >> 8, word & 0xff]));
}

/** The address of 4 or 16 bytes in network order. */
export function addressOfBytes(bytes: Uint8Array): Packed {
	const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
	return bytes.length === 4 ? MAPPED + text : text;
}

/** The 4 or 16 bytes of an address in network order. */
export function addressBytes(packed: Packed): Buffer {
	return packedBytes(isMapped(packed) ? packed.slice(MAPPED.length) : packed);
}

export function packedBytes(packed: Packed): Buffer {
	return Buffer.from(packed, "latin1");
}

/** The addresses from `low` up to and including `high`, both of the same family. */
export interface AddressRange {
	readonly low: Packed;
	readonly high: Packed;
}

/**
 * The range of an address or a prefix ("10.0.0.0/8", "::1"), or null if the text is neither. An IPv4-mapped prefix of
 * 96 bits or more ("::ffff:10.0.0.0/104") is the IPv4 prefix; any other IPv6 prefix holds no IPv4 address.
 */
export function addressRange(text: string): AddressRange | null {
	const [host = "", length, rest] = text.split("/");
	if (isIP(host) === 0 || host.includes("%") || rest !== undefined) return null;
	const address = packAddress(host);
	if (address === null) return null;
	const width = isIPv4(host) ? 32 : 128;
	const given = length === undefined ? width : /^\d{1,3}$/.test(length) ? Number(length) : -1;
	if (given < 0 || given > width) return null;
	const bits = 128 - width + given;
	if (isMapped(address) && bits < 96) return null;
	let low = "";
	let high = "";
	for (let index = 0; index < 16; index++) {
		const mask = (0xff00 >> Math.min(8, Math.max(0, bits - index * 8))) & 0xff;
		const byte = address.charCodeAt(index);
		low += String.fromCharCode(byte & mask);
		high += String.fromCharCode((byte & mask) | (~mask & 0xff));
	}
	return { low, high };
}

export function isInRange(packed: Packed, { low, high }: AddressRange): boolean {
	return packed >= low && packed <= high && isMapped(packed) === isMapped(low);
}

/** Whether DNS can name the address: not if it is one of this host or link, as in bpf/who/learn.h. */
export function isLearnable(address: Packed): boolean {
	return !LOCAL.some((range) => isInRange(address, range));
}

const LOCAL = ["127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16", "::/127", "fe80::/10"].flatMap(
	(text) => addressRange(text) ?? [],
);

/* RFC 5952 section 4.2: "::" stands for the longest run of two or more zero words, and for the first of equal ones. */
function compress(words: readonly number[]): string {
	let best = -1;
	let bestLength = 1;
	for (let start = 0; start < 8; start++) {
		let end = start;
		while (end < 8 && words[end] === 0) end++;
		if (end - start > bestLength) {
			best = start;
			bestLength = end - start;
		}
		if (end > start) start = end;
	}
	const hex = (list: readonly number[]) => list.map((word) => word.toString(16)).join(":");
	if (best < 0) return hex(words);
	return `${hex(words.slice(0, best))}::${hex(words.slice(best + bestLength))}`;
}

function words6(text: string): number[] {
	const [head = "", tail] = text.split("::");
	const left = half(head);
	if (tail === undefined) return left;
	const right = half(tail);
	return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function half(text: string): number[] {
	if (text === "") return [];
	return text.split(":").flatMap((part) => {
		if (!isIPv4(part)) return [Number.parseInt(part, 16)];
		const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
		return [(a << 8) | b, (c << 8) | d];
	});
}
