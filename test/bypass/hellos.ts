/** ClientHellos that a real server accepts, built with tls-hello.ts. */
import { clientHello, type Extension, records, serverName, u16, vector16 } from "../support/tls-hello.ts";

const X25519 = 0x001d;
/** A GREASE group (RFC 8701), whose key share a server ignores. */
const UNKNOWN = 0x2a2a;

/** Each share is a group and a size [bytes]. */
export function keyShare(shares: readonly (readonly [number, number])[]): Extension {
	const each = shares.map(([group, size]) => Buffer.concat([u16(group), vector16(Buffer.alloc(size, 0x4b))]));
	return { type: 51, data: vector16(Buffer.concat(each)) };
}

/** Key shares as browsers and Node send them: X25519MLKEM768 of 1,216 bytes (draft-ietf-tls-ecdhe-mlkem), then X25519. */
export function largeShare(): Extension {
	return keyShare([
		[UNKNOWN, 1216],
		[X25519, 32],
	]);
}

/** encrypted_client_hello, outer (RFC 9849 5). GREASE ECH has the same form, so an observer cannot distinguish them. */
export function ech(size = 186): Extension {
	const head = Buffer.from([0, 0, 1, 0, 1, 0x2a]);
	return {
		type: 0xfe0d,
		data: Buffer.concat([head, vector16(Buffer.alloc(32, 0x65)), vector16(Buffer.alloc(size, 0x70))]),
	};
}

/** An extension with a reserved type, which servers must ignore (RFC 8701). */
export function grease(size = 0): Extension {
	return { type: 0x6a6a, data: Buffer.alloc(size) };
}

/** Extensions of a TLS 1.3 client besides its name: versions, groups, signature algorithms, key shares. */
export function common(shares = keyShare([[X25519, 32]])): Extension[] {
	return [
		{ type: 43, data: Buffer.from("0403040303", "hex") },
		{ type: 10, data: Buffer.from("00042a2a001d", "hex") },
		{ type: 13, data: Buffer.from("0006040308040401", "hex") },
		shares,
	];
}

/** A complete ClientHello in one record, as most clients send it. `name` is latin1. */
export function hello(name: string | null, more: readonly Extension[] = common()): Buffer {
	return records(clientHello(name === null ? more : [serverName(name), ...more]));
}
