/** Crafted ClientHellos: any extensions in any order, any records. RFC 8446 4.1.2 and 5.1. */

export interface Extension {
	readonly type: number;
	readonly data: Uint8Array;
}

export const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
export const vector16 = (data: Uint8Array): Buffer => Buffer.concat([u16(data.length), data]);

/** RFC 6066 3. `name` is latin1, so that it can contain any byte. */
export function serverName(...names: readonly string[]): Extension {
	const entries = names.map((name) => Buffer.concat([Buffer.from([0]), vector16(Buffer.from(name, "latin1"))]));
	return { type: 0, data: vector16(Buffer.concat(entries)) };
}

/** A key share of the size of X25519MLKEM768: 1,216 bytes. */
export const POST_QUANTUM_KEY_SHARE: Extension = {
	type: 51,
	data: vector16(Buffer.concat([u16(0x11ec), vector16(Buffer.alloc(1216, 0x5a))])),
};
export const ECH: Extension = { type: 0xfe0d, data: Buffer.alloc(170, 0xe4) };
export const EARLY_DATA: Extension = { type: 42, data: Buffer.alloc(0) };
export const VERSIONS: Extension = { type: 43, data: Buffer.from([4, 3, 4, 3, 3]) };
export const padding = (bytes: number): Extension => ({ type: 21, data: Buffer.alloc(bytes) });

export interface HelloParts {
	readonly sessionId?: Uint8Array;
	readonly suites?: Uint8Array;
}

/** The handshake message, without records. */
export function clientHello(extensions: readonly Extension[] | null, parts: HelloParts = {}): Buffer {
	const { sessionId = Buffer.alloc(32, 0x11), suites = Buffer.from([0x13, 0x01, 0x13, 0x02]) } = parts;
	const fixed = Buffer.concat([
		u16(0x0303),
		Buffer.alloc(32, 0x77),
		Buffer.from([sessionId.length]),
		sessionId,
		vector16(suites),
		Buffer.from([1, 0]),
	]);
	const encoded = (extensions ?? []).map(({ type, data }) => Buffer.concat([u16(type), vector16(data)]));
	const body = extensions === null ? fixed : Buffer.concat([fixed, vector16(Buffer.concat(encoded))]);
	return Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
}

/** Split into records of at most `size` bytes of content. */
export function records(content: Uint8Array, size = 16_384, type = 22): Buffer {
	const made: Buffer[] = [];
	for (let at = 0; at < content.length; at += size) {
		made.push(Buffer.concat([Buffer.from([type, 3, 1]), vector16(content.subarray(at, at + size))]));
	}
	return Buffer.concat(made);
}

/** Splits a stream into pieces of `size` bytes. */
export function cut(bytes: Uint8Array, size: number): Uint8Array[] {
	const pieces: Uint8Array[] = [];
	for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
	return pieces;
}
