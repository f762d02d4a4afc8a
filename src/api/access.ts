import type { FastifyInstance, FastifyRequest } from "fastify";
import { foreignRequest } from "../system/host-check.ts";
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

/** Whether the response to a request must not show the arguments of processes. */
export type HidesArguments = (request: FastifyRequest) => boolean;

/**
 * Every user of the host can read an open listener on TCP. proc(5) shows the arguments of other users' processes to none of them
 * where it is mounted with hidepid, and never those of processes that have ended. So they need a token.
 */
export function argumentsHidden({ writing, tokens }: Access): HidesArguments {
	return (request) => writing !== "open" && !hasToken(request, tokens);
}

function refusalFor(request: FastifyRequest, access: Access): Refusal | null {
	const foreign = access.hostAllowed === null ? null : foreignRequest(request.headers, access.hostAllowed);
	if (foreign !== null) return new Refusal(foreign.status, foreign.slug, foreign.detail);
	const writing = request.routeOptions.config.writes === true;
	if ((writing ? access.writing : access.reading) === "open") return null;
	if (access.tokens === null) {
		return new Refusal(
			403,
			"forbidden",
			"Every user of this host can reach this port, so changing the policy needs a token (--token-file) or the unix socket.",
		);
	}
	if (hasToken(request, access.tokens)) return null;
	return new Refusal(
		401,
		"token-needed",
		`${writing ? "Changing the policy" : "This listener"} needs "authorization: Bearer" with a token from the daemon's token file.`,
		{},
		{ "www-authenticate": 'Bearer realm="sallyport"' },
	);
}

function hasToken({ headers }: FastifyRequest, tokens: Tokens | null): boolean {
	const scheme = /^Bearer ([^\s]{1,512})$/i.exec(headers.authorization ?? "");
	return scheme?.[1] !== undefined && tokens?.has(scheme[1]) === true;
}
