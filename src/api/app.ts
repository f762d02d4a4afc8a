import { Socket } from "node:net";
import rateLimit from "@fastify/rate-limit";
import { type FastifyInstance, fastify } from "fastify";
import { LIMITS, TIMES } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { type Access, guard } from "./access.ts";
import { capConnections } from "./connection-cap.ts";
import { connectionRoutes } from "./connections.ts";
import { nameRoutes } from "./names.ts";
import { observabilityRoutes } from "./observability.ts";
import { describeApi } from "./openapi.ts";
import { policyRoutes } from "./policy.ts";
import { Refusal, sendProblems } from "./problem-details.ts";
import type { ApiServices } from "./services.ts";
import { streamRoute } from "./stream.ts";
import { topRoute } from "./top.ts";

export interface AppOptions {
	readonly services: ApiServices;
	readonly log: Logger;
	readonly version: string;
	readonly access: Access;
	readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
	/** Requests a second that one client may make. */
	readonly requests?: number;
}

/** The API, built but not listening. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
	const { services, log, version, access } = options;
	const app = newServer(options.tls);
	sendProblems(app, log);
	capConnections(app.server, LIMITS.apiConnections);
	/* TIMES.idle is for who sends or takes nothing, and not for the time that an answer costs us. */
	app.addHook("preHandler", ({ raw }, _reply, done) => {
		hangUpAfter(raw.socket, 0);
		done();
	});
	app.addHook("onSend", (request, reply, payload, done) => {
		hangUpAfter(request.raw.socket, TIMES.idle);
		reply.header("x-content-type-options", "nosniff");
		if (!reply.hasHeader("content-security-policy")) reply.header("content-security-policy", "default-src 'none'");
		reply.header("cache-control", "no-store");
		done(null, payload);
	});
	await app.register(rateLimit, {
		max: options.requests ?? LIMITS.requests,
		timeWindow: 1_000,
		/* A unix socket has no addresses: whoever may use it shares one bucket. */
		keyGenerator: (request) => request.ip ?? "unix",
		errorResponseBuilder: (_request, { ttl }) =>
			new Refusal(
				429,
				"too-many-requests",
				"More requests a second than one client may make.",
				{},
				{ "retry-after": String(Math.max(1, Math.ceil(ttl / 1000))) },
			),
	});
	guard(app, access);
	await describeApi(app, version);
	connectionRoutes(app, services);
	topRoute(app, services);
	streamRoute(app, services, (error) => log.error("a stream failed", { error }));
	nameRoutes(app, services);
	await policyRoutes(app, services.policy);
	observabilityRoutes(app, services);
	return app;
}

/* ms; 0: never. Fastify's inject has no socket. */
function hangUpAfter(socket: Socket, ms: number): void {
	if (socket instanceof Socket) socket.setTimeout(ms);
}

function newServer(tls: AppOptions["tls"]): FastifyInstance {
	const options = {
		logger: false,
		bodyLimit: LIMITS.bodyBytes,
		requestTimeout: TIMES.request,
		connectionTimeout: TIMES.idle,
		keepAliveTimeout: TIMES.idle,
		forceCloseConnections: true,
		/* However slow the host: how long a start may take is for who starts the daemon to say (TimeoutStartSec). */
		pluginTimeout: 0,
		/* A value of another type ("limit=x") is an error, not NaN. "array": a parameter that is given once is a list of one. */
		ajv: { customOptions: { coerceTypes: "array", removeAdditional: false, allErrors: false } },
		http: { headersTimeout: TIMES.headers, connectionsCheckingInterval: TIMES.headers / 2, maxHeaderSize: 16_384 },
	} as const;
	if (tls === undefined) return fastify(options);
	const https = { ...tls, ...options.http, minVersion: "TLSv1.2", handshakeTimeout: TIMES.headers } as const;
	return fastify({ ...options, https }) as unknown as FastifyInstance;
}
