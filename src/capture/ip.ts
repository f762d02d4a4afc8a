import type { Packed } from "../base/address.ts";
import type { CapturedPacket } from "./packet.ts";

/** The payload of an IP packet, without extension headers. */
export interface IpPayload {
	/** The captured packet; of a fragmented datagram, the one that completed it. */
	readonly packet: CapturedPacket;
	readonly source: Packed;
	readonly destination: Packed;
	/** IANA protocol number. */
	readonly protocol: number;
	readonly bytes: Buffer;
	/** Bytes at the end that were not captured. */
	readonly missing: number;
	/** Null: not fragmented. */
	readonly fragment: Fragment | null;
}

export interface Fragment {
	readonly id: number;
	/** Offset of `bytes` in the datagram [bytes]. */
	readonly offset: number;
	readonly more: boolean;
}

const MAPPED = "\0\0\0\0\0\0\0\0\0\0\xff\xff";

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
const MOBILITY = 135;
const HOST_IDENTITY = 139;
const SHIM6 = 140;

function latin1(bytes: Buffer, from: number, to: number): string {
	return bytes.toString("latin1", from, to);
}

/** Null: not an IPv4 packet. */
export function readIpv4(packet: CapturedPacket, bytes: Buffer): IpPayload | null {
	if (bytes.length < 20 || bytes.readUInt8(0) >> 4 !== 4) return null;
	const header = (bytes.readUInt8(0) & 15) * 4;
	// With segmentation offload the network card fills in the length.
	const total = bytes.readUInt16BE(2) || bytes.length;
	if (header < 20 || total < header || bytes.length < header) return null;
	const flags = bytes.readUInt16BE(6);
	const offset = (flags & 0x1fff) * 8;
	const more = (flags & 0x2000) !== 0;
	return withoutAuthentication({
		packet,
		source: MAPPED + latin1(bytes, 12, 16),
		destination: MAPPED + latin1(bytes, 16, 20),
		protocol: bytes.readUInt8(9),
		bytes: bytes.subarray(header, Math.max(header, total)),
		missing: Math.max(0, total - bytes.length),
		fragment: more || offset > 0 ? { id: bytes.readUInt16BE(4), offset, more } : null,
	});
}

function withoutAuthentication(payload: IpPayload): IpPayload {
	const { bytes, protocol, fragment } = payload;
	if (protocol !== AUTHENTICATION || fragment !== null || bytes.length < 2) return payload;
	return { ...payload, protocol: bytes.readUInt8(0), bytes: bytes.subarray((bytes.readUInt8(1) + 2) * 4) };
}

/** Null: not an IPv6 packet, or its extension headers were not captured. */
export function readIpv6(packet: CapturedPacket, bytes: Buffer): IpPayload | null {
	if (bytes.length < 40 || bytes.readUInt8(0) >> 4 !== 6) return null;
	const length = bytes.readUInt16BE(4) || bytes.length - 40;
	const end = Math.min(40 + length, bytes.length);
	const found = skipExtensions(bytes.subarray(0, end), bytes.readUInt8(6), 40);
	if (found === null) return null;
	return {
		packet,
		source: latin1(bytes, 8, 24),
		destination: latin1(bytes, 24, 40),
		protocol: found.protocol,
		bytes: bytes.subarray(found.at, end),
		missing: Math.max(0, 40 + length - bytes.length),
		fragment: found.fragment,
	};
}

/**
 * Skips extension headers from `at` on. A reassembled datagram may begin with more of them (RFC 8200 4). Null: they
 * were cut.
 */
export function skipExtensions(
	bytes: Buffer,
	protocol: number,
	at: number,
): { readonly protocol: number; readonly at: number; readonly fragment: Fragment | null } | null {
	if (!EXTENSIONS.has(protocol)) return { protocol, at, fragment: null };
	if (at + 8 > bytes.length) return null;
	const next = bytes.readUInt8(at);
	if (protocol !== FRAGMENT) {
		const units = bytes.readUInt8(at + 1);
		return skipExtensions(bytes, next, at + (protocol === AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8));
	}
	const word = bytes.readUInt16BE(at + 2);
	const fragment = { id: bytes.readUInt32BE(at + 4), offset: word & 0xfff8, more: (word & 1) !== 0 };
	// The following headers belong to the datagram. An atomic fragment is a whole datagram (RFC 6946).
	if (!fragment.more && fragment.offset === 0) return skipExtensions(bytes, next, at + 8);
	return { protocol: next, at: at + 8, fragment };
}

const EXTENSIONS: ReadonlySet<number> = new Set([
	HOP_BY_HOP,
	ROUTING,
	FRAGMENT,
	AUTHENTICATION,
	DESTINATION_OPTIONS,
	MOBILITY,
	HOST_IDENTITY,
	SHIM6,
]);
