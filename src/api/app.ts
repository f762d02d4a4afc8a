import { Socket } from "node:net";
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance } from "fastify";
import { LIMITS, TIMES } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { newHttpServer } from "../system/http-server.ts";
import type { TlsFiles } from "../system/listen-address.ts";
import { type Access, guard } from "./access.ts";
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
	readonly tls?: TlsFiles;
	/** Requests a second that one client may make. */
	readonly requests?: number;
}

/** The API, built but not listening. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
	const { services, log, version, access } = options;
	const app = newHttpServer({ tls: options.tls ?? null, connections: LIMITS.apiConnections, idle: TIMES.idle });
	sendProblems(app, log);
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
