import { isIP } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Refusal } from "./problem-details.ts";
import type { Tokens } from "./tokens.ts";

declare module "fastify" {
	interface FastifyContextConfig {
		/** The route changes the state of the daemon. */
		writes?: boolean;
	}
}

/** Access rules of one listener. */
export interface Access {
	/** Accepts the names of the listener, against DNS rebinding; null: any `Host` is accepted. */
	readonly hostAllowed: ((host: string) => boolean) | null;
	readonly reading: "open" | "token";
	readonly writing: "open" | "token";
	/** Null: no tokens are configured, and requests that need one are refused. */
	readonly tokens: Tokens | null;
}

/** Access over the unix socket is controlled by the mode and group of the file. */
export const SOCKET_ACCESS: Access = { hostAllowed: null, reading: "open", writing: "open", tokens: null };

/** Refuses requests before their body is read, and after the rate limit, which also slows down guessing of tokens. */
export function guard(app: FastifyInstance, access: Access): void {
	app.addHook("preParsing", (request, _reply, payload, done) => {
		const refusal = refusalFor(request, access);
		if (refusal === null) done(null, payload);
		else done(refusal);
	});
}

/** The host of a `Host` header: "example.com:80" and "[::1]:80" without the port, in lower case. */
export function hostOf(header: string): string {
	const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(header);
	return (bracketed?.[1] ?? header.replace(/:\d+$/, "")).toLowerCase();
}

/** True for `localhost` and IP addresses: DNS rebinding needs a name. */
export function isLocalHost(host: string): boolean {
	return host === "localhost" || isIP(host) !== 0;
}

function refusalFor(request: FastifyRequest, access: Access): Refusal | null {
	if (access.hostAllowed !== null) {
		const { host } = request.headers;
		if (host === undefined || !access.hostAllowed(hostOf(host))) {
			return new Refusal(421, "wrong-host", "Host is not a name of this listener; use its address.");
		}
		/* Browsers send it with requests of another site's page (W3C Fetch Metadata, 2.3). */
		if (request.headers["sec-fetch-site"] === "cross-site") {
			return new Refusal(403, "cross-site", "Requests by pages of other sites are refused.");
		}
	}
	const writing = request.routeOptions.config.writes === true;
	if ((writing ? access.writing : access.reading) === "open") return null;
	if (access.tokens === null) {
		return new Refusal(
			403,
			"forbidden",
			"Every user of this host can reach this port, so changing the policy needs a token (--token-file) or the unix socket.",
		);
	}
	const scheme = /^Bearer ([^\s]{1,512})$/i.exec(request.headers.authorization ?? "");
	if (scheme?.[1] !== undefined && access.tokens.has(scheme[1])) return null;
	return new Refusal(
		401,
		"token-needed",
		`${writing ? "Changing the policy" : "This listener"} needs "authorization: Bearer" with a token from the daemon's token file.`,
		{},
		{ "www-authenticate": 'Bearer realm="sallyport"' },
	);
}
