/** The zone of the test's DNS server. Plain data, so that it can be sent to the server's process. */

export interface ZoneRecord {
	readonly type: "A" | "AAAA" | "CNAME" | "HTTPS" | "SVCB" | "SRV" | "TXT" | "PTR";
	/**
	 * An address, a name, a text, priority, weight, port and target of an SRV record, or the parameters of a service:
	 * "1 . ipv4hint=192.0.2.1,192.0.2.2 port=443". With the prefix
	 * `hex:`, the raw data.
	 */
	readonly data: string;
	readonly ttl?: number;
}

/** Records by name in lower case. */
export type Zone = Record<string, readonly ZoneRecord[]>;

/**
 * Generated names: `KIND123.gen.test` has address 123 of ANY4 and ANY6. Each KIND has its own 16,384 addresses, so that names
 * of different tests never share one.
 */
export const GENERATED = ["a", "b", "c", "d"] as const;
export type Kind = (typeof GENERATED)[number];

const SHARE = 16_384;

export function address4(kind: Kind, number: number): string {
	const at = ((198 << 24) | (18 << 16)) + GENERATED.indexOf(kind) * SHARE + number;
	return [24, 16, 8, 0].map((shift) => (at >>> shift) & 255).join(".");
}

export function address6(kind: Kind, number: number): string {
	return `2001:db8:a:${GENERATED.indexOf(kind) + 1}::${(number >>> 16).toString(16)}:${((number & 0xffff) + 1).toString(16)}`;
}

export function lookup(zone: Zone, name: string, type: string): (ZoneRecord & { name: string })[] | null {
	const found: (ZoneRecord & { name: string })[] = [];
	let at = name.toLowerCase();
	for (let hops = 0; hops < 20; hops++) {
		const records = zone[at] ?? generated(at);
		if (records === null) return hops === 0 ? null : found;
		const alias = records.find((record) => record.type === "CNAME");
		const selected = alias === undefined ? records.filter((record) => record.type === type) : [alias];
		for (const record of selected) found.push({ ...record, name: hops === 0 ? name : at });
		if (alias === undefined) return found;
		at = alias.data.toLowerCase();
	}
	return found;
}

function generated(name: string): ZoneRecord[] | null {
	const match = /^([a-d])(\d+)\.gen\.test$/.exec(name);
	if (match === null) return null;
	const [kind, number] = [match[1] as Kind, Number(match[2])];
	if (number >= SHARE) return null;
	return [
		{ type: "A", data: address4(kind, number) },
		{ type: "AAAA", data: address6(kind, number) },
	];
}
