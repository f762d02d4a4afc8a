import { type IpPayload, skipExtensions } from "./ip.ts";

/** Incomplete datagrams that are kept. The oldest are evicted. */
const WAITING_MAX = 1024;
const DATAGRAM_MAX = 65_535;

interface Waiting {
	/** The fragment that arrived first. */
	readonly payload: IpPayload;
	/** Sorted by offset, without overlaps. */
	readonly parts: { readonly offset: number; readonly bytes: Buffer }[];
	/** Length of the datagram; null: the last fragment has not arrived. */
	total: number | null;
}

/**
 * Reassembles datagrams (RFC 791 3.2, RFC 8200 4.5). Where fragments overlap, the bytes that arrived first are used.
 */
export class Fragments {
	readonly #waiting = new Map<string, Waiting>();

	/** The datagram if this fragment completes it, else null. A packet that is not a fragment is returned as it is. */
	take(payload: IpPayload): IpPayload | null {
		const { fragment, source, destination, protocol } = payload;
		if (fragment === null) return payload;
		const end = fragment.offset + payload.bytes.length;
		if (end > DATAGRAM_MAX) return null;
		// The key of IPv6 has no protocol (RFC 8200 4.5): the first fragment's counts.
		const key = `${source}${destination}${fragment.id}${isIpv4(payload) ? `/${protocol}` : ""}`;
		const waiting = this.#waiting.get(key) ?? this.#begin(key, payload);
		if (!fragment.more && payload.missing === 0) waiting.total ??= end;
		insert(waiting, fragment.offset, payload.bytes);
		if (waiting.total === null) return null;
		const bytes = join(waiting, waiting.total);
		if (bytes === null) return null;
		this.#waiting.delete(key);
		const found = isIpv4(payload) ? { protocol, at: 0 } : skipExtensions(bytes, protocol, 0);
		if (found === null) return null;
		return { ...payload, protocol: found.protocol, bytes: bytes.subarray(found.at), missing: 0, fragment: null };
	}

	/** The beginning of each incomplete datagram whose first fragment arrived. */
	*beginnings(): Generator<IpPayload> {
		for (const { payload, parts } of this.#waiting.values())
			if (parts[0]?.offset === 0) yield { ...payload, bytes: parts[0].bytes };
	}

	#begin(key: string, payload: IpPayload): Waiting {
		const begun: Waiting = { payload, parts: [], total: null };
		this.#waiting.set(key, begun);
		if (this.#waiting.size > WAITING_MAX) this.#waiting.delete(this.#waiting.keys().next().value!);
		return begun;
	}
}

function isIpv4({ source }: IpPayload): boolean {
	return source.startsWith("\0\0\0\0\0\0\0\0\0\0\xff\xff");
}

/** Adds the bytes that no earlier part contains. */
function insert({ parts }: Waiting, offset: number, bytes: Buffer): void {
	let at = offset;
	const end = offset + bytes.length;
	const added: { offset: number; bytes: Buffer }[] = [];
	for (const part of parts) {
		if (part.offset >= end) break;
		if (part.offset > at) added.push({ offset: at, bytes: bytes.subarray(at - offset, part.offset - offset) });
		at = Math.max(at, part.offset + part.bytes.length);
	}
	if (at < end) added.push({ offset: at, bytes: bytes.subarray(at - offset) });
	parts.push(...added);
	parts.sort((a, b) => a.offset - b.offset);
}

function join({ parts }: Waiting, total: number): Buffer | null {
	let at = 0;
	for (const part of parts) {
		if (part.offset > at) return null;
		at = part.offset + part.bytes.length;
	}
	return at < total ? null : Buffer.concat(parts.map(({ bytes }) => bytes)).subarray(0, total);
}
