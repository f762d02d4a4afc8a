import { type FastifyInstance, fastify } from "fastify";
import { LIMITS } from "../config.ts";
import type { Logger } from "../logger.ts";
import { connectionRoutes } from "./connections.ts";
import { observabilityRoutes } from "./observability.ts";
import { policyRoutes } from "./policy.ts";
import type { ApiServices } from "./services.ts";

export interface AppOptions {
	readonly services: ApiServices;
	readonly log: Logger;
	/** False over TCP: anyone on the host can reach a port, only the group the socket. */
	readonly mayChange: boolean;
}

/** The API, built but not listening. */
export function buildApp({ services, log, mayChange }: AppOptions): FastifyInstance {
	const app = fastify({
		logger: false,
		bodyLimit: LIMITS.policyBytes,
		requestTimeout: 30_000,
		connectionTimeout: 60_000,
		keepAliveTimeout: 30_000,
		forceCloseConnections: true,
		/* Another type in the query ("port=x") is an error, not NaN. */
		ajv: { customOptions: { coerceTypes: true, removeAdditional: false, allErrors: true } },
	});
	app.setErrorHandler((error: Error & { statusCode?: number; validation?: unknown }, request, reply) => {
		const status = error.statusCode ?? 500;
		if (status >= 500) log.error("request failed", { method: request.method, url: request.url, error });
		return reply.code(status).send({
			error: STATUS_TEXT[status] ?? "error",
			message: status >= 500 ? "The daemon failed; see its log." : error.message,
		});
	});
	app.setNotFoundHandler((request, reply) =>
		reply
			.code(404)
			.send({ error: "not_found", message: `There is no ${request.method} ${request.url.split("?", 1)[0]}.` }),
	);
	app.addHook("onSend", (_request, reply, payload, done) => {
		reply.header("x-content-type-options", "nosniff");
		reply.header("cache-control", "no-store");
		done(null, payload);
	});
	connectionRoutes(app, services);
	policyRoutes(app, services.policy, mayChange);
	observabilityRoutes(app, services);
	return app;
}

const STATUS_TEXT: Readonly<Record<number, string>> = {
	400: "bad_request",
	403: "forbidden",
	404: "not_found",
	412: "precondition_failed",
	413: "too_large",
	415: "unsupported_type",
	422: "invalid_policy",
	500: "internal",
};
