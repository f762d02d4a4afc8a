import { Socket } from "node:net";
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance } from "fastify";
import { LIMITS, TIMES } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { newHttpServer } from "../system/http-server.ts";
import type { TlsFiles } from "../system/listen-address.ts";
import { type Access, argumentsHidden, guard } from "./access.ts";
import { connectionRoutes } from "./connections.ts";
import { HTTP_ERRORS } from "./http-errors.ts";
import { collectPaths } from "./methods.ts";
import { nameRoutes } from "./names.ts";
import { observabilityRoutes } from "./observability.ts";
import { describeApi } from "./openapi.ts";
import { overlayRoutes } from "./overlays.ts";
import type { Queries } from "./pages.ts";
import { policyRoutes } from "./policy.ts";
import { Refusal, sendProblems } from "./problem-details.ts";
import { rootRoute } from "./root.ts";
import type { ApiServices } from "./services.ts";
import { newSharing, type Sharing } from "./sharing.ts";
import { streamRoute } from "./stream.ts";
import { topRoute } from "./top.ts";

export interface AppOptions {
	readonly services: ApiServices;
	readonly log: Logger;
	readonly version: string;
	readonly access: Access;
	readonly tls?: TlsFiles;
	/** Default: the callers of this listener have no shares in others. */
	readonly sharing?: Sharing;
	/** Requests per second and client; default LIMITS.requests. */
	readonly requests?: number;
}

/** Builds the API for one listener; the caller lets it listen. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
	const { services, log, version, access, sharing = newSharing(unknownPeer) } = options;
	const { callers, turns } = sharing;
	const app = newHttpServer({
		tls: options.tls ?? null,
		connections: LIMITS.apiConnections,
		callers,
		idle: TIMES.idle,
		...HTTP_ERRORS,
	});
	sendProblems(app, log);
	/* The idle timeout applies to silent clients, not to the time that the daemon needs for a response. */
	app.addHook("preHandler", ({ raw }, _reply, done) => {
		closeWhenIdle(raw.socket, 0);
		done();
	});
	app.addHook("onSend", (request, reply, payload, done) => {
		closeWhenIdle(request.raw.socket, TIMES.idle);
		reply.header("x-content-type-options", "nosniff");
		if (!reply.hasHeader("content-security-policy")) reply.header("content-security-policy", CSP);
		reply.header("cache-control", "no-store");
		done(null, payload);
	});
	await app.register(rateLimit, {
		max: options.requests ?? LIMITS.requests,
		timeWindow: 1_000,
		keyGenerator: ({ raw }) => callers.of(raw.socket).id,
		errorResponseBuilder: (_request, { ttl }) =>
			new Refusal(
				429,
				"too-many-requests",
				"The client exceeds its requests per second.",
				{},
				{ "retry-after": String(Math.max(1, Math.ceil(ttl / 1000))) },
			),
	});
	guard(app, access);
	const answerOtherMethods = collectPaths(app);
	await describeApi(app, version, access);
	const hidesArguments = argumentsHidden(access);
	const queries: Queries = { records: (asker, from) => services.records(asker, from), turns, hidesArguments };
	rootRoute(app, version);
	connectionRoutes(app, queries);
	topRoute(app, queries);
	streamRoute(app, services, { sharing, hidesArguments }, (error) => log.error("a stream failed", { error }));
	nameRoutes(app, services, queries);
	await policyRoutes(app, services.policy);
	overlayRoutes(app, services.overlays, callers);
	observabilityRoutes(app, services);
	answerOtherMethods();
	return app;
}

function unknownPeer(): never {
	throw new Error("the credentials of the peer are unknown");
}

/* The responses need no resources; frame-ancestors has no fallback to default-src. */
const CSP = "default-src 'none'; frame-ancestors 'none'";

/* ms; 0: never. The socket of a request that is injected by a test is not a Socket. */
function closeWhenIdle(socket: Socket, ms: number): void {
	if (socket instanceof Socket) socket.setTimeout(ms);
}
