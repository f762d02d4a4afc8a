/** Crafted QUIC packets: client Initials of version 1 (RFC 9000, 9001), 2 (RFC 9369) and draft 29, protected as on the wire. */
import { createCipheriv, createHmac } from "node:crypto";

export const QUIC1 = 0x00000001;
export const QUIC2 = 0x6b3343cf;
export const DRAFT29 = 0xff00001d;

interface Version {
	readonly salt: Buffer;
	readonly label: string;
	/** Bits of the long header's type. */
	readonly initial: number;
}

const V1: Version = { salt: Buffer.from("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", "hex"), label: "quic", initial: 0 };
const V2: Version = {
	salt: Buffer.from("0dede3def700a6db819381be6e269dcbf9bd2ed9", "hex"),
	label: "quicv2",
	initial: 1,
};
/** draft-ietf-quic-tls-29 5.2. */
const V29: Version = { ...V1, salt: Buffer.from("afbfec289993d24c9e9786f19c6111e04390a899", "hex") };
/** Versions without a known salt use that of version 1. */
const versionOf = (version: number) => (version === QUIC2 ? V2 : version === DRAFT29 ? V29 : V1);

export interface Keys {
	readonly key: Buffer;
	readonly iv: Buffer;
	readonly hp: Buffer;
}

/** Keys of a client's Initials (RFC 9001 5.2), derived from the first destination connection id. */
export function clientKeys(version: number, dcid: Buffer): Keys {
	const { salt, label } = versionOf(version);
	const secret = expand(hmac(salt, dcid), "client in", 32);
	return {
		key: expand(secret, `${label} key`, 16),
		iv: expand(secret, `${label} iv`, 12),
		hp: expand(secret, `${label} hp`, 16),
	};
}

export interface Initial {
	readonly version?: number;
	readonly dcid?: Buffer;
	readonly scid?: Buffer;
	readonly token?: Buffer;
	/** Frames, concatenated. */
	readonly frames: Buffer;
	readonly number?: number;
	/** Length of the packet number: 1 to 4 [bytes]. */
	readonly numberLength?: number;
	/** Pads the packet to this size (RFC 9000 14.1) [bytes]; 0: no padding. */
	readonly size?: number;
	/** Uses the keys of another version or connection id: after a Retry, or for an attack. */
	readonly keys?: Keys;
}

export const DCID = Buffer.from("8394c8f03e515708", "hex");

export function initial({
	version = QUIC1,
	dcid = DCID,
	scid = Buffer.alloc(0),
	token = Buffer.alloc(0),
	frames,
	number = 0,
	numberLength = 4,
	size = 1200,
	keys = clientKeys(version, dcid),
}: Initial): Buffer {
	const type = versionOf(version).initial;
	const number4 = u32(number).subarray(4 - numberLength);
	const start = [
		Buffer.from([0xc0 | (type << 4) | (numberLength - 1)]),
		u32(version),
		Buffer.from([dcid.length]),
		dcid,
		Buffer.from([scid.length]),
		scid,
		varint(token.length),
		token,
	];
	const before = Buffer.concat(start).length + 2 + numberLength;
	const plain = Buffer.concat([
		frames,
		Buffer.alloc(Math.max(0, size - before - frames.length - 16, 4 - frames.length)),
	]);
	const length = u16(0x4000 | (numberLength + plain.length + 16));
	const header = Buffer.concat([...start, length, number4]);

	const nonce = Buffer.from(keys.iv);
	number4.forEach((byte, at) => {
		const to = nonce.length - numberLength + at;
		nonce[to] = (nonce[to] ?? 0) ^ byte;
	});
	const aead = createCipheriv("aes-128-gcm", keys.key, nonce).setAAD(header);
	const sealed = Buffer.concat([aead.update(plain), aead.final(), aead.getAuthTag()]);
	return protect(header, sealed, keys.hp, numberLength);
}

/** RFC 9001 5.4: the sample begins four bytes after the start of the packet number. */
function protect(header: Buffer, sealed: Buffer, hp: Buffer, numberLength: number): Buffer {
	const sample = sealed.subarray(4 - numberLength, 20 - numberLength);
	const mask = createCipheriv("aes-128-ecb", hp, null).setAutoPadding(false).update(sample);
	const packet = Buffer.concat([header, sealed]);
	const at = header.length - numberLength;
	packet[0] = (packet[0] ?? 0) ^ ((mask[0] ?? 0) & 0x0f);
	for (let i = 0; i < numberLength; i++) packet[at + i] = (packet[at + i] ?? 0) ^ (mask[1 + i] ?? 0);
	return packet;
}

/** RFC 9000 19.6. */
export function crypto(offset: number, data: Buffer): Buffer {
	return Buffer.concat([Buffer.from([6]), varint(offset), varint(data.length), data]);
}

export function pad(count: number): Buffer {
	return Buffer.alloc(count);
}

export const PING = Buffer.from([1]);

/** A long header of any type and version with arbitrary data behind it. */
export function longHeader(version: number, first: number, rest: Buffer, dcid = DCID): Buffer {
	return Buffer.concat([Buffer.from([first]), u32(version), Buffer.from([dcid.length]), dcid, Buffer.from([0]), rest]);
}

/** A short header packet (RFC 9000 17.3.1), whose content only the endpoints can decrypt. */
export function shortHeader(size: number, dcid = DCID): Buffer {
	return Buffer.concat([Buffer.from([0x41]), dcid, Buffer.alloc(size - 1 - dcid.length, 0x5a)]);
}

/** A variable-length integer in its shortest form (RFC 9000 16). */
export function varint(value: number): Buffer {
	if (value < 64) return Buffer.from([value]);
	return value < 16_384 ? u16(0x4000 | value) : u32(0x8000_0000 + value);
}

function u16(value: number): Buffer {
	return Buffer.from([value >> 8, value & 255]);
}

function u32(value: number): Buffer {
	const buffer = Buffer.alloc(4);
	buffer.writeUInt32BE(value);
	return buffer;
}

function hmac(key: Buffer, data: Buffer): Buffer {
	return createHmac("sha256", key).update(data).digest();
}

/** HKDF-Expand-Label (RFC 8446 7.1) for at most 32 bytes: one block. */
function expand(secret: Buffer, label: string, size: number): Buffer {
	const full = Buffer.from(`tls13 ${label}`);
	const info = Buffer.concat([u16(size), Buffer.from([full.length]), full, Buffer.from([0, 1])]);
	return hmac(secret, info).subarray(0, size);
}
