import { isIP } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Refusal } from "./problem-details.ts";
import type { Tokens } from "./tokens.ts";

/** Who may ask what on one listener. */
export interface Access {
	/** Names by which the listener may be asked, against DNS rebinding; null: any. */
	readonly hostAllowed: ((host: string) => boolean) | null;
	readonly reading: "open" | "token";
	readonly writing: "open" | "token";
	/** Null: none are configured, and what needs one is refused. */
	readonly tokens: Tokens | null;
}

/** The unix socket: its mode and group say who may. */
export const SOCKET_ACCESS: Access = { hostAllowed: null, reading: "open", writing: "open", tokens: null };

/** Before any body is read, and after the rate limit, so that tokens cannot be guessed at leisure. */
export function guard(app: FastifyInstance, access: Access): void {
	app.addHook("preParsing", (request, _reply, payload, done) => {
		const refusal = refusalFor(request, access);
		if (refusal === null) done(null, payload);
		else done(refusal);
	});
}

/** "example.com:80" and "[::1]:80" without the port, in lower case. */
export function hostOf(header: string): string {
	const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(header);
	return (bracketed?.[1] ?? header.replace(/:\d+$/, "")).toLowerCase();
}

/** An address cannot be rebound; a name can. */
export function isLocalHost(host: string): boolean {
	return host === "localhost" || isIP(host) !== 0;
}

function refusalFor(request: FastifyRequest, access: Access): Refusal | null {
	if (access.hostAllowed !== null) {
		const { host } = request.headers;
		if (host === undefined || !access.hostAllowed(hostOf(host))) {
			return new Refusal(421, "wrong-host", "This is not a name of this listener; use its address.");
		}
		/* A browser says so when another site's page asks. */
		if (request.headers["sec-fetch-site"] === "cross-site") {
			return new Refusal(403, "cross-site", "Pages of other sites may not ask.");
		}
	}
	const writing = request.routeOptions.config.writes === true;
	if ((writing ? access.writing : access.reading) === "open") return null;
	if (access.tokens === null) {
		return new Refusal(
			403,
			"forbidden",
			"The policy can be changed over the unix socket, or with a token (--token-file): whoever is on the host can reach this port.",
		);
	}
	const scheme = /^Bearer ([^\s]{1,512})$/i.exec(request.headers.authorization ?? "");
	if (scheme?.[1] !== undefined && access.tokens.has(scheme[1])) return null;
	const what = writing ? "Changing the policy" : "Asking";
	return new Refusal(
		401,
		"token-needed",
		`${what} needs "authorization: Bearer" with a token of the daemon's token file.`,
		{},
		{ "www-authenticate": 'Bearer realm="sallyport"' },
	);
}
