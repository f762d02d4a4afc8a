/** A reading of ClientHellos that is as lenient as any server's, at any offset of a stream. */

const RECORD_HEAD = 5;
/** RFC 5246 6.2.3. Every server refuses a longer record. */
const RECORD_MAX = 16_384 + 2048;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;

/** The server names of every ClientHello that begins at some offset of the stream, whatever comes before it. */
export function namesOfAnyHello(stream: Buffer): string[] {
	const names = new Set<string>();
	for (let at = stream.indexOf(HANDSHAKE); at !== -1; at = stream.indexOf(HANDSHAKE, at + 1)) {
		const name = nameIn(contentAt(stream, at));
		if (name !== null) names.add(name);
	}
	return [...names];
}

/** The content of the handshake records that follow each other from `at` on. The minor version is not looked at. */
function contentAt(stream: Buffer, at: number): Buffer {
	const contents: Buffer[] = [];
	for (let next = at; stream[next] === HANDSHAKE && stream[next + 1] === 3 && next + RECORD_HEAD <= stream.length; ) {
		const length = stream.readUInt16BE(next + 3);
		if (length > RECORD_MAX) break;
		const end = next + RECORD_HEAD + length;
		contents.push(stream.subarray(next + RECORD_HEAD, end));
		next = end;
	}
	return Buffer.concat(contents);
}

/** The first server name of a complete ClientHello (RFC 8446 4.1.2, RFC 6066 3); null: none. */
function nameIn(content: Buffer): string | null {
	try {
		if (content[0] !== CLIENT_HELLO) return null;
		const body = content.subarray(4, 4 + content.readUIntBE(1, 3));
		if (body.length < content.readUIntBE(1, 3) || body.readUInt8(0) < 3 || body.readUInt8(34) > 32) return null;
		let at = 35 + body.readUInt8(34);
		at += 2 + body.readUInt16BE(at);
		at += 1 + body.readUInt8(at);
		const end = at + 2 + body.readUInt16BE(at);
		if (end > body.length) return null;
		for (at += 2; at < end; at += 4 + body.readUInt16BE(at + 2)) {
			if (body.readUInt16BE(at) !== SERVER_NAME) continue;
			const length = body.readUInt16BE(at + 7);
			if (body.readUInt8(at + 6) !== 0 || length === 0 || at + 9 + length > end) return null;
			return body.toString("latin1", at + 9, at + 9 + length);
		}
		return null;
	} catch (error) {
		if (error instanceof RangeError) return null;
		throw error;
	}
}
