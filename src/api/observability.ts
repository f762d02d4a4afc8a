import type { FastifyInstance } from "fastify";
import type { ApiServices } from "./services.ts";

export function observabilityRoutes(app: FastifyInstance, services: ApiServices): void {
	app.get("/v1/status", { schema: { summary: "What runs, what is in force, what was lost." } }, () =>
		services.status(),
	);

	app.get(
		"/healthz",
		{ schema: { summary: "200 while events are read and a policy is in force; 503 otherwise." } },
		(_request, reply) => {
			const ill = services.ill();
			return reply
				.code(ill === null ? 200 : 503)
				.send(ill === null ? { status: "ok" } : { status: "ill", message: ill });
		},
	);

	app.get("/metrics", { schema: { summary: "Prometheus." } }, async (_request, reply) => {
		const { contentType, text } = await services.metrics();
		return reply.type(contentType).send(text);
	});
}
