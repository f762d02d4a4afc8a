/** Crafted DTLS datagrams. RFC 6347 4.1 and 4.2. */
import { clientHello, type Extension, serverName, VERSIONS, vector16 } from "./tls-hello.ts";

export const DTLS10 = 0xfeff;
export const DTLS12 = 0xfefd;

interface RecordParts {
	readonly type?: number;
	readonly version?: number;
	readonly epoch?: number;
	readonly sequence?: number;
}

export function dtlsRecord(content: Uint8Array, parts: RecordParts = {}): Buffer {
	const { type = 22, version = DTLS12, epoch = 0, sequence = 0 } = parts;
	const head = Buffer.alloc(11);
	head.writeUInt8(type, 0);
	head.writeUInt16BE(version, 1);
	head.writeUInt16BE(epoch, 3);
	head.writeUIntBE(sequence, 5, 6);
	return Buffer.concat([head, vector16(content)]);
}

/** A handshake message; with `part`, this range of it as a fragment. */
export function dtlsMessage(
	message: Uint8Array,
	{ sequence = 0, part = [0, message.length - 4] }: { sequence?: number; part?: readonly [number, number] } = {},
): Buffer {
	const head = Buffer.alloc(12);
	const body = message.subarray(4).subarray(...part);
	Buffer.from(message).copy(head, 0, 0, 4);
	head.writeUInt16BE(sequence, 4);
	head.writeUIntBE(part[0], 6, 3);
	head.writeUIntBE(body.length, 9, 3);
	return Buffer.concat([head, body]);
}

/** A ClientHello of DTLS: that of TLS with a cookie after the session id. */
export function dtlsHello(
	extensions: readonly Extension[] | null,
	parts: { readonly cookie?: Uint8Array; readonly sessionId?: Uint8Array } = {},
): Buffer {
	const { cookie = Buffer.alloc(0), sessionId = Buffer.alloc(0) } = parts;
	const tls = clientHello(extensions, { sessionId });
	const at = 4 + 2 + 32 + 1 + sessionId.length;
	const made = Buffer.concat([tls.subarray(0, at), Buffer.from([cookie.length]), cookie, tls.subarray(at)]);
	made.writeUIntBE(made.length - 4, 1, 3);
	return made;
}

/** A whole datagram. */
export function dtlsNamed(name: string, parts: Parameters<typeof dtlsHello>[1] = {}): Buffer {
	return dtlsRecord(dtlsMessage(dtlsHello([VERSIONS, serverName(name)], parts)), { version: DTLS10 });
}
