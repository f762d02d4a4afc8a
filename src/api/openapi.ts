import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";

/** OpenAPI 3.1 from the routes' schemas: the page at /docs, the document at /docs/json and /docs/yaml. Register it before the routes. */
export async function describeApi(app: FastifyInstance, version: string): Promise<void> {
	await app.register(swagger, {
		openapi: {
			openapi: "3.1.0",
			info: {
				title: "Sallyport",
				version,
				description: "What this host talks to, and the policy that decides. See docs/api.md.",
			},
			servers: [{ url: "http://localhost", description: "over /run/sallyport/sallyport.sock" }],
			tags: ["connections", "names", "policy", "daemon"].map((name) => ({ name })),
			components: {
				securitySchemes: {
					token: {
						type: "http",
						scheme: "bearer",
						description: "Needed over TCP to write, and elsewhere than on loopback to read.",
					},
				},
			},
		},
	});
	await app.register(swaggerUi, {
		routePrefix: "/docs",
		staticCSP: true,
		uiConfig: { deepLinking: false, tryItOutEnabled: false, validatorUrl: null },
	});
}
