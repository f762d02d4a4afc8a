/** Names that a policy may use for numbers of the kernel. */

/**
 * Errors that a denied connect() may return (asm-generic/errno.h). Not those that a program takes for "wait" or
 * "try again": EAGAIN, EINPROGRESS, EINTR, EALREADY.
 */
export const ERRNOS: Readonly<Record<string, number>> = {
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
};

/** IANA protocol numbers; names as in /etc/protocols, plus the usual spellings of ICMPv6. */
export const PROTOCOLS: Readonly<Record<string, number>> = {
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
};

/** Of RFC 9110, RFC 5789 and WebDAV: to recognise one in the wrong case. */
export const METHODS: readonly string[] = [
	...["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"],
	...["PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"],
];
/** Bytes of a method that the kernel keeps: SP_METHOD_MAX in bpf/event.h. */
export const METHOD_LENGTH_MAX = 16;

export const TCP = 6;
export const UDP = 17;

/** "icmp", or "protocol 200". */
export function protocolName(number: number): string {
	return Object.keys(PROTOCOLS).find((name) => PROTOCOLS[name] === number) ?? `protocol ${number}`;
}
