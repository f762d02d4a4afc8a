import { addAbortSignal, Readable } from "node:stream";
import auth, { type FastifyAuthFunction } from "@fastify/auth";
import basicAuth from "@fastify/basic-auth";
import bearerAuth from "@fastify/bearer-auth";
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply } from "fastify";
import { LIMITS, TIMES } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { foreignRequest } from "../system/host-check.ts";
import { newHttpServer } from "../system/http-server.ts";
import type { TlsFiles } from "../system/listen-address.ts";
import type { Callers } from "../system/peer.ts";
import { isPlace, type Refused, Shares } from "../system/shares.ts";
import type { Credentials } from "./credentials.ts";
import { CONTENT_TYPE } from "./exposition.ts";

export interface ScrapeAppOptions {
	readonly tls: TlsFiles | null;
	/** Called for each request, so that a reload takes effect. */
	readonly credentials: () => Credentials;
	/** Accepts the names of the listener, against DNS rebinding. */
	readonly hostAllowed: (host: string) => boolean;
	readonly callers: Callers;
	/** The parts of one response. */
	readonly expose: () => AsyncIterable<string>;
	readonly log: Logger;
}

/** The server of GET /metrics. It does not listen yet. Errors are one line of text. */
export async function buildScrapeApp(options: ScrapeAppOptions): Promise<FastifyInstance> {
	const { tls, credentials, hostAllowed, callers, expose, log } = options;
	const app = newHttpServer({ tls, connections: LIMITS.scrapeConnections, callers, idle: TIMES.scrapeIdle });
	app.setNotFoundHandler((_request, reply) => sendLine(reply, 404, "The only path is /metrics."));
	app.setErrorHandler((error, _request, reply) => sendError(reply, error as StatusError, log));
	app.addHook("onSend", (_request, reply, payload, done) => {
		reply.header("cache-control", "no-store").header("x-content-type-options", "nosniff");
		done(null, payload);
	});
	app.addHook("onRequest", async ({ headers }, reply) => {
		const foreign = foreignRequest(headers, hostAllowed);
		if (foreign !== null) return sendLine(reply, foreign.status, foreign.detail);
	});
	await app.register(rateLimit, {
		max: LIMITS.scrapeRequests,
		timeWindow: 1_000,
		keyGenerator: ({ raw }) => callers.of(raw.socket).id,
		errorResponseBuilder: () => new StatusError(429, "Too many requests per second."),
	});
	await app.register(auth);
	await app.register(bearerAuth, {
		addHook: false,
		/* The scheme may have any case (RFC 9110 11.1). */
		specCompliance: "rfc6749",
		keys: [],
		auth: (token) => credentials().isToken(token),
	});
	await app.register(basicAuth, {
		validate: async (user, password) => {
			const result = await credentials().check(user, password);
			if (result !== "right")
				throw result === "busy"
					? new StatusError(503, "Too many passwords are checked at a time; retry later.")
					: new StatusError(401, "Wrong user or password.");
		},
	});
	/* One of them must succeed. The error of the last is sent, because a password check may be busy. */
	const ways = [anyone(credentials), app.verifyBearerAuth, app.basicAuth].filter((way) => way !== undefined);

	const scrapes = new Shares({ all: LIMITS.scrapes, each: LIMITS.scrapesEach, kept: 0 });
	app.route({
		method: ["GET", "HEAD"],
		url: "/metrics",
		/* After the rate limit, which is a hook of onRequest. */
		preValidation: app.auth(ways),
		handler(request, reply) {
			reply.header("content-type", CONTENT_TYPE);
			if (request.method === "HEAD") return reply.send();
			const place = scrapes.take(callers.of(request.raw.socket), () => reply.raw.destroy());
			if (!isPlace(place)) throw busy(place);
			reply.raw.once("close", place.release);
			return reply.send(boundedInTime(Readable.from(expose()), log));
		},
	});
	app.route({
		method: app.supportedMethods.filter((method) => method !== "GET" && method !== "HEAD"),
		url: "/metrics",
		onRequest: async (_request, reply) => sendLine(reply.header("allow", "GET, HEAD"), 405, "Use GET."),
		handler: () => undefined,
	});
	return app;
}

function anyone(credentials: () => Credentials): FastifyAuthFunction {
	return (_request, _reply, done) => done(credentials().isOpen ? undefined : new StatusError(401, "A secret is set."));
}

/** Ends the response after TIMES.scrape, for a client that does not read it. Parts are generated as the client reads them. */
function boundedInTime(body: Readable, log: Logger): Readable {
	const timeout = AbortSignal.timeout(TIMES.scrape);
	body.once("error", (error) => {
		if (timeout.aborted) log.warn("metrics: a client did not read the response in time", { ms: TIMES.scrape });
		else log.error("metrics: a scrape failed", { error });
	});
	return addAbortSignal(timeout, body);
}

class StatusError extends Error {
	readonly statusCode: number;

	constructor(statusCode: number, message: string) {
		super(message);
		this.statusCode = statusCode;
	}
}

function busy(why: Refused): StatusError {
	const [limit, of] = why === "each" ? [LIMITS.scrapesEach, "one client"] : [LIMITS.scrapes, "all clients"];
	return new StatusError(503, `Too many requests at a time: the limit of ${of} is ${limit}.`);
}

function sendError(reply: FastifyReply, error: Error & { readonly statusCode?: number }, log: Logger): FastifyReply {
	const status = error.statusCode ?? 500;
	if (status === 401) {
		reply.header("www-authenticate", 'Basic realm="sallyport", Bearer realm="sallyport"');
		return sendLine(reply, 401, "A token or a password is required.");
	}
	if (status === 503) reply.header("retry-after", "1");
	if (status !== 500) return sendLine(reply, status, error.message);
	log.error("metrics: a request failed", { error });
	return sendLine(reply, 500, "Internal error.");
}

function sendLine(reply: FastifyReply, status: number, text: string): FastifyReply {
	return reply.code(status).header("content-type", "text/plain; charset=utf-8").send(`${text}\n`);
}
