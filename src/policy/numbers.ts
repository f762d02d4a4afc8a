/**
 * Errors that a denied connect() may return (asm-generic/errno.h). EAGAIN, EINPROGRESS, EINTR and EALREADY are left
 * out, because programs wait or retry after them.
 */
export const ERRNOS: ReadonlyMap<string, number> = new Map(
	Object.entries<number>({
		EPERM: 1,
		EACCES: 13,
		ENETDOWN: 100,
		ENETUNREACH: 101,
		ECONNABORTED: 103,
		ECONNRESET: 104,
		ETIMEDOUT: 110,
		ECONNREFUSED: 111,
		EHOSTDOWN: 112,
		EHOSTUNREACH: 113,
		EADDRNOTAVAIL: 99,
	}),
);

/** IANA protocol numbers by the names of /etc/protocols, with both spellings of ICMPv6. */
export const PROTOCOLS: ReadonlyMap<string, number> = new Map(
	Object.entries<number>({
		icmp: 1,
		igmp: 2,
		ipip: 4,
		tcp: 6,
		udp: 17,
		dccp: 33,
		ipv6: 41,
		gre: 47,
		esp: 50,
		ah: 51,
		icmpv6: 58,
		"ipv6-icmp": 58,
		ospf: 89,
		pim: 103,
		vrrp: 112,
		l2tp: 115,
		sctp: 132,
		udplite: 136,
	}),
);

/** Methods of RFC 9110, RFC 5789 and WebDAV (RFC 4918), for suggestions when the case is wrong. */
export const METHODS: readonly string[] = [
	...["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"],
	...["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"],
];

/** "icmp", or "protocol 200" for a number without a name. */
export function protocolName(number: number): string {
	return [...PROTOCOLS].find((each) => each[1] === number)?.[0] ?? `protocol ${number}`;
}
