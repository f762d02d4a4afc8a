/**
 * Reads addresses and prefixes from bytes without an allocation, because a list may have a million of them. As strict
 * as inet_pton(): four decimal octets without leading zeros, IPv6 without a zone (RFC 4291 2.2).
 */

export const READ_OK = 0;
export const BAD_ADDRESS = 1;
export const BAD_LENGTH = 2;
export const HOST_BITS = 3;
export type ReadCode = typeof READ_OK | typeof BAD_ADDRESS | typeof BAD_LENGTH | typeof HOST_BITS;

/**
 * Reads one prefix at a time into its fields. IPv4 is in `w3` with a `length` of 0 to 32, IPv6 in `w0` to `w3` with 0
 * to 128. IPv4-mapped IPv6 becomes IPv4. A missing length is that of a single address. After HOST_BITS the fields still
 * have the host bits.
 */
export class PrefixReader {
	version: 4 | 6 = 4;
	w0 = 0;
	w1 = 0;
	w2 = 0;
	w3 = 0;
	length = 0;
	/** The text had a "/". */
	hasLength = false;
	readonly #groups = new Uint16Array(8);

	read(bytes: Uint8Array, from: number, to: number): ReadCode {
		const slash = slashIn(bytes, from, to);
		this.hasLength = slash !== -1;
		const end = this.hasLength ? slash : to;
		if (!(this.#readIpv4(bytes, from, end) || this.#readIpv6(bytes, from, end))) return BAD_ADDRESS;
		const max = this.version === 4 ? 32 : 128;
		this.length = max;
		if (this.hasLength) {
			this.length = decimal(bytes, slash + 1, to, 3);
			if (this.length < 0 || this.length > max) return BAD_LENGTH;
		}
		if (this.version === 6 && this.w0 === 0 && this.w1 === 0 && this.w2 === 0xffff && this.length >= 96) {
			this.version = 4;
			this.length -= 96;
		}
		return this.#hasHostBits() ? HOST_BITS : READ_OK;
	}

	/** Clears the host bits. */
	mask(): void {
		if (this.version === 4) {
			this.w3 = (this.w3 & wordMask(this.length)) >>> 0;
			return;
		}
		this.w0 = (this.w0 & wordMask(this.length)) >>> 0;
		this.w1 = (this.w1 & wordMask(this.length - 32)) >>> 0;
		this.w2 = (this.w2 & wordMask(this.length - 64)) >>> 0;
		this.w3 = (this.w3 & wordMask(this.length - 96)) >>> 0;
	}

	#hasHostBits(): boolean {
		if (this.version === 4) return (this.w3 & ~wordMask(this.length)) !== 0;
		if (this.length === 128) return false;
		return (
			((this.w0 & ~wordMask(this.length)) |
				(this.w1 & ~wordMask(this.length - 32)) |
				(this.w2 & ~wordMask(this.length - 64)) |
				(this.w3 & ~wordMask(this.length - 96))) !==
			0
		);
	}

	#readIpv4(bytes: Uint8Array, from: number, to: number): boolean {
		let word = 0;
		let octets = 0;
		let octet = -1;
		for (let i = from; i < to; i++) {
			const digit = bytes[i]! - DIGIT_0;
			if (digit >= 0 && digit <= 9) {
				if (octet === 0) return false; // inet_aton() reads a leading zero as octal
				octet = octet === -1 ? digit : octet * 10 + digit;
				if (octet > 255) return false;
			} else if (bytes[i] === DOT && octet !== -1 && octets < 3) {
				word = word * 256 + octet;
				octets++;
				octet = -1;
			} else {
				return false;
			}
		}
		if (octets !== 3 || octet === -1) return false;
		this.version = 4;
		this.w0 = this.w1 = this.w2 = 0;
		this.w3 = word * 256 + octet;
		return true;
	}

	#readIpv6(bytes: Uint8Array, from: number, to: number): boolean {
		const groups = this.#groups;
		let count = 0;
		let gap = -1;
		let i = from;
		if (to - from < 2) return false;
		if (bytes[i] === COLON) {
			if (bytes[i + 1] !== COLON) return false;
			gap = 0;
			i += 2;
		}
		while (i < to) {
			if (count === 8) return false;
			const start = i;
			let value = 0;
			let digit = hexDigit(bytes[i]!);
			while (i < to && digit >= 0 && i - start < 4) {
				value = value * 16 + digit;
				i++;
				digit = i < to ? hexDigit(bytes[i]!) : -1;
			}
			if (i < to && bytes[i] === DOT) {
				if (count > 6 || !this.#readIpv4(bytes, start, to)) return false;
				groups[count++] = this.w3 >>> 16;
				groups[count++] = this.w3 & 0xffff;
				break;
			}
			if (i === start) return false;
			groups[count++] = value;
			if (i === to) break;
			if (bytes[i] !== COLON || ++i === to) return false;
			if (bytes[i] === COLON) {
				if (gap !== -1) return false;
				gap = count;
				i++;
			}
		}
		if (gap === -1 ? count !== 8 : count === 8) return false;
		if (gap !== -1) {
			groups.copyWithin(8 - (count - gap), gap, count);
			groups.fill(0, gap, 8 - (count - gap));
		}
		this.version = 6;
		this.w0 = groups[0]! * 0x10000 + groups[1]!;
		this.w1 = groups[2]! * 0x10000 + groups[3]!;
		this.w2 = groups[4]! * 0x10000 + groups[5]!;
		this.w3 = groups[6]! * 0x10000 + groups[7]!;
		return true;
	}
}

/** An address without a length, IPv4-mapped as IPv4; null: the text is not one. */
export function parseAddress(text: string): PrefixReader | null {
	const reader = new PrefixReader();
	const bytes = Buffer.from(text);
	return reader.read(bytes, 0, bytes.length) === READ_OK && !reader.hasLength ? reader : null;
}

/** The address in canonical text (RFC 5952), without the length. */
export function formatAddress(address: Pick<PrefixReader, "version" | "w0" | "w1" | "w2" | "w3">): string {
	const { version, w0, w1, w2, w3 } = address;
	if (version === 4) return [w3 >>> 24, (w3 >>> 16) & 0xff, (w3 >>> 8) & 0xff, w3 & 0xff].join(".");
	const groups = [w0, w1, w2, w3].flatMap((word) => [word >>> 16, word & 0xffff]);
	let gap = -1;
	let gapLength = 1; // RFC 5952 4.2.2: a single group of zeros is not shortened
	for (let i = 0; i < 8; i++) {
		let zeros = 0;
		while (i + zeros < 8 && groups[i + zeros] === 0) zeros++;
		if (zeros > gapLength) [gap, gapLength] = [i, zeros];
	}
	const hex = groups.map((group) => group.toString(16));
	return gap === -1 ? hex.join(":") : `${hex.slice(0, gap).join(":")}::${hex.slice(gap + gapLength).join(":")}`;
}

/** The 32-bit mask of a prefix length, which is clamped to 0 to 32. */
export function wordMask(length: number): number {
	if (length <= 0) return 0;
	return length >= 32 ? -1 : -1 << (32 - length);
}

const DIGIT_0 = 0x30;
const DOT = 0x2e;
const COLON = 0x3a;
const SLASH = 0x2f;

/** Index of the last "/", or -1. Searched from the end, where it is near. */
function slashIn(bytes: Uint8Array, from: number, to: number): number {
	for (let i = to - 1; i >= from; i--) if (bytes[i] === SLASH) return i;
	return -1;
}

/** Reads at most `maxDigits` digits without a leading zero; -1: invalid. */
function decimal(bytes: Uint8Array, from: number, to: number, maxDigits: number): number {
	if (to === from || to - from > maxDigits || (bytes[from] === DIGIT_0 && to - from > 1)) return -1;
	let value = 0;
	for (let i = from; i < to; i++) {
		const digit = bytes[i]! - DIGIT_0;
		if (digit < 0 || digit > 9) return -1;
		value = value * 10 + digit;
	}
	return value;
}

function hexDigit(byte: number): number {
	return HEX_DIGITS[byte]!;
}

/** Value of a hex digit by its byte; -1: not a hex digit. */
const HEX_DIGITS = Int8Array.from({ length: 256 }, (_, byte) =>
	/[0-9a-f]/i.test(String.fromCharCode(byte)) ? Number.parseInt(String.fromCharCode(byte), 16) : -1,
);
