/** Checks of requests against pages of other sites: DNS rebinding, and requests that a browser sends for such a page. */
import { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { TlsFiles } from "./listen-address.ts";

export interface Foreign {
	readonly status: 403 | 421;
	readonly slug: "cross-site" | "wrong-host";
	readonly detail: string;
}

/** Why a request is refused; null: it is not. `allowed`: names of the listener. */
export function foreignRequest(headers: IncomingHttpHeaders, allowed: (host: string) => boolean): Foreign | null {
	const { host } = headers;
	if (host === undefined || !allowed(hostOf(host))) {
		const detail = "Host is not a name of this listener; use its address, or a name in its certificate.";
		return { status: 421, slug: "wrong-host", detail };
	}
	/* Browsers send it with requests of another site's page (W3C Fetch Metadata, 2.3). */
	if (headers["sec-fetch-site"] === "cross-site")
		return { status: 403, slug: "cross-site", detail: "Requests by pages of other sites are refused." };
	return null;
}

/** The host of a `Host` header: "example.com:80" and "[::1]:80" without the port, in lower case. */
export function hostOf(header: string): string {
	const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(header);
	return (bracketed?.[1] ?? header.replace(/:\d+$/, "")).toLowerCase();
}

/** An IP address, `localhost`, the name of this host, or a name in the certificate: rebinding needs another name. */
export function isOwnName(host: string, tls: Pick<TlsFiles, "cert"> | null): boolean {
	if (host === "localhost" || isIP(host) !== 0 || host === hostname().toLowerCase()) return true;
	return tls !== null && new X509Certificate(tls.cert).checkHost(host) !== undefined;
}
