/** All rows, by family, in the order in which they are told. */
import { LIVES } from "./lives.ts";
import { NAMES_DNS, NAMES_DNS_TCP } from "./names-dns.ts";
import { NAMES_HTTP } from "./names-http.ts";
import { NAMES_LIVE } from "./names-live.ts";
import { NAMES_QUIC } from "./names-quic.ts";
import { NAMES_SPLIT } from "./names-split.ts";
import { NAMES_TLS } from "./names-tls.ts";
import { RAW } from "./raw.ts";
import type { Row } from "./row.ts";
import { SOCKETS } from "./sockets.ts";
import { TRICKS } from "./tricks.ts";
import { TRICKS_TLS } from "./tricks-tls.ts";

export interface Family {
	readonly title: string;
	readonly rows: readonly Row[];
}

export const FAMILIES = {
	sockets: { title: "Sockets", rows: [...SOCKETS, ...RAW, ...TRICKS, ...LIVES] },
	tls: { title: "Names in TLS", rows: [...NAMES_TLS, ...NAMES_SPLIT, ...TRICKS_TLS, ...NAMES_LIVE] },
	dns: { title: "Names in DNS", rows: [...NAMES_DNS, ...NAMES_DNS_TCP] },
	quic: { title: "Names in QUIC", rows: NAMES_QUIC },
	http: { title: "Names in HTTP", rows: NAMES_HTTP },
} as const satisfies Record<string, Family>;
