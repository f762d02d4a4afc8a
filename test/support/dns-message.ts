/** Crafted DNS queries (RFC 1035 4.1), including forms that no library writes. */

export interface Asked {
	readonly name: string;
	/** A number, or one of the names below. */
	readonly type?: keyof typeof QTYPES | number;
}

export const QTYPES = { A: 1, CNAME: 5, PTR: 12, TXT: 16, AAAA: 28, SRV: 33, SVCB: 64, HTTPS: 65, ANY: 255 } as const;

/** A label; a Buffer for bytes that a string cannot hold. */
export function labels(name: string): Buffer {
	const parts = name === "" ? [] : name.split(".").map((label) => Buffer.from(label, "latin1"));
	return Buffer.concat([...parts.flatMap((label) => [Buffer.from([label.length]), label]), Buffer.from([0])]);
}

export function u16(...values: readonly number[]): Buffer {
	return Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
}

/** A question section of any names, each in wire format or as text. */
export function question(
	id: number,
	asked: readonly (Asked & { readonly wire?: Buffer })[],
	{
		edns = false,
		flags = 0x0100,
		trailer = Buffer.alloc(0),
	}: { edns?: boolean; flags?: number; trailer?: Buffer } = {},
): Buffer {
	const sections = asked.map(({ name, type = "A", wire }) =>
		Buffer.concat([wire ?? labels(name), u16(typeof type === "number" ? type : QTYPES[type], 1)]),
	);
	const opt = edns ? Buffer.from([0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]) : Buffer.alloc(0);
	return Buffer.concat([u16(id, flags, asked.length, 0, 0, edns ? 1 : 0), ...sections, opt, trailer]);
}

/** With the length prefix of DNS over TCP. */
export function framed(message: Buffer): Buffer {
	return Buffer.concat([u16(message.length), message]);
}
