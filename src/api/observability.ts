import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { response, string } from "./schemas/base.ts";
import { healthSchema, readinessSchema, statusSchema } from "./schemas/status.ts";
import type { ApiServices } from "./services.ts";

export function observabilityRoutes(app: FastifyInstance, services: ApiServices): void {
	app.get(
		"/v1/status",
		{
			schema: {
				operationId: "getStatus",
				tags: ["daemon"],
				summary: "Get versions, the policy in force, denials, losses, maps and history.",
				response: { 200: response(statusSchema) },
			},
		},
		() => services.status(),
	);

	app.get(
		"/healthz",
		{
			schema: {
				operationId: "getHealth",
				tags: ["daemon"],
				summary: "Liveness: 200 while events are read and a policy is in force, otherwise 503.",
				response: { 200: response(healthSchema), 503: response(healthSchema) },
			},
		},
		(_request, reply) => {
			const reason = services.unhealthyReason();
			return reply
				.code(reason === null ? 200 : 503)
				.send(reason === null ? { status: "ok" } : { status: "unhealthy", message: reason });
		},
	);

	app.get(
		"/readyz",
		{
			schema: {
				operationId: "getReadiness",
				tags: ["daemon"],
				summary: "Readiness: 200 once this daemon has loaded a policy, otherwise 503.",
				response: { 200: response(readinessSchema), 503: response(readinessSchema) },
			},
		},
		(_request, reply) => {
			const ready = services.ready();
			return reply.code(ready.ready ? 200 : 503).send(ready);
		},
	);

	app.get(
		"/metrics",
		{
			schema: {
				operationId: "getMetrics",
				tags: ["daemon"],
				summary: "Prometheus metrics.",
				response: { 200: { description: "The metrics.", content: { "text/plain": { schema: string } } } },
			},
		},
		(_request, reply) => {
			const { contentType, parts } = services.metrics();
			return reply.type(contentType).send(Readable.from(parts, { objectMode: false }));
		},
	);
}
