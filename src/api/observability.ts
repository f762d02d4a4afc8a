import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { problemResponses } from "./schemas/problem.ts";
import { healthSchema, readySchema, statusSchema } from "./schemas/status.ts";
import type { ApiServices } from "./services.ts";

export function observabilityRoutes(app: FastifyInstance, services: ApiServices): void {
	app.get(
		"/v1/status",
		{
			schema: {
				operationId: "getStatus",
				tags: ["daemon"],
				summary: "What runs, what is in force, what was denied and lost.",
				response: { 200: statusSchema, ...problemResponses },
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
				summary: "200 while events are read and a policy is in force; 503 otherwise.",
				response: { 200: healthSchema, 503: healthSchema },
			},
		},
		(_request, reply) => {
			const reason = services.unhealthyReason();
			return reply
				.code(reason === null ? 200 : 503)
				.send(reason === null ? { status: "ok" } : { status: "ill", message: reason });
		},
	);

	app.get(
		"/readyz",
		{
			schema: {
				operationId: "getReadiness",
				tags: ["daemon"],
				summary: "200 once this daemon has a policy of its own in force and answers; with what is not as it should be.",
				response: { 200: readySchema, 503: readySchema },
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
				summary: "Prometheus.",
				produces: ["text/plain"],
				response: { 200: { type: "string" } },
			},
		},
		(_request, reply) => {
			const { contentType, parts } = services.metrics();
			return reply.type(contentType).send(Readable.from(parts, { objectMode: false }));
		},
	);
}
