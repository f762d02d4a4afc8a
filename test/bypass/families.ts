/** All rows by family, in the order of the table. */

import { DENY_LISTS } from "./deny-lists.ts";
import { FORGED_PACKETS } from "./forged-packets.ts";
import { KERNEL_STATE } from "./kernel-state.ts";
import { NAMES_DATAGRAMS } from "./names-datagrams.ts";
import { NAMES_DNS, NAMES_DNS_TCP } from "./names-dns.ts";
import { NAMES_HIDDEN } from "./names-hidden.ts";
import { NAMES_HTTP } from "./names-http.ts";
import { NAMES_HTTP_UNREAD } from "./names-http-unread.ts";
import { NAMES_OPEN_CONNECTIONS } from "./names-open-connections.ts";
import { NAMES_QUIC } from "./names-quic.ts";
import { NAMES_SPLIT } from "./names-split.ts";
import { NAMES_TLS } from "./names-tls.ts";
import { RAW } from "./raw.ts";
import { ROUTING } from "./routing.ts";
import type { Row } from "./row.ts";
import { SOCKET_REUSE } from "./socket-reuse.ts";
import { SOCKETS } from "./sockets.ts";
import { TLS_DESYNC } from "./tls-desync.ts";

export interface Family {
	readonly title: string;
	readonly rows: readonly Row[];
}

export const FAMILIES = {
	sockets: {
		title: "Sockets",
		rows: [...SOCKETS, ...RAW, ...SOCKET_REUSE, ...ROUTING, ...FORGED_PACKETS, ...KERNEL_STATE],
	},
	tls: {
		title: "Names in TLS",
		rows: [...NAMES_TLS, ...NAMES_SPLIT, ...NAMES_HIDDEN, ...TLS_DESYNC, ...NAMES_OPEN_CONNECTIONS],
	},
	lists: { title: "Deny lists", rows: DENY_LISTS },
	dns: { title: "Names in DNS", rows: [...NAMES_DNS, ...NAMES_DNS_TCP] },
	quic: { title: "Names in QUIC and other datagrams", rows: [...NAMES_QUIC, ...NAMES_DATAGRAMS] },
	http: { title: "Names in HTTP", rows: [...NAMES_HTTP, ...NAMES_HTTP_UNREAD] },
} as const satisfies Record<string, Family>;
