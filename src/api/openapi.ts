import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import type { Access } from "./access.ts";
import { COMPONENTS } from "./components.ts";
import { problemResponses } from "./schemas/problem.ts";

/**
 * Describes the routes as OpenAPI 3.1: a page at /docs, the document at /openapi.json and /openapi.yaml, and at /docs/json and
 * /docs/yaml. Must be registered before the routes.
 */
export async function describeApi(app: FastifyInstance, version: string, access: Access): Promise<void> {
	for (const schema of COMPONENTS) app.addSchema(schema);
	/* Responses are serialized from their types; the schemas only document them (components.ts). */
	app.setSerializerCompiler(() => JSON.stringify);
	await app.register(swagger, {
		openapi: {
			openapi: "3.1.0",
			info: { title: "Sallyport", version, description: DESCRIPTION },
			/* Relative, so that the page calls the listener that served it. */
			servers: [{ url: "/", description: "This listener." }],
			tags: TAGS,
			components: { securitySchemes: { token: TOKEN } },
		},
		refResolver: { buildLocalReference: ({ $id }, _baseUri, _fragment, index) => String($id ?? `schema${index}`) },
		transform: ({ schema, url, route }) => ({
			url,
			schema: {
				...schema,
				security: securityOf(route.config?.writes === true ? access.writing : access.reading),
				response: { ...(schema?.response as object), ...problemResponses },
			},
		}),
	});
	await app.register(swaggerUi, {
		routePrefix: "/docs",
		staticCSP: PAGE_CSP,
		theme: { title: "Sallyport API" },
		uiConfig: {
			/* Without the top bar, whose logo has an inline style sheet, which PAGE_CSP forbids. */
			layout: "BaseLayout",
			deepLinking: false,
			tryItOutEnabled: true,
			validatorUrl: null,
			defaultModelsExpandDepth: 0,
		},
	});
	const hidden = { schema: { hide: true } };
	app.get("/openapi.json", hidden, () => app.swagger());
	app.get("/openapi.yaml", hidden, (_request, reply) =>
		reply.type("application/yaml").send(app.swagger({ yaml: true })),
	);
}

const DESCRIPTION =
	"Connections and DNS queries of this host, and the policy that decides about them. Responses may gain members; clients must " +
	"ignore members that they do not know. Requests must not have unknown members.";

const TAGS = [
	{ name: "connections", description: "Connections and DNS queries." },
	{ name: "names", description: "Domain names, their addresses and their clients." },
	{ name: "policy", description: "The policy in force." },
	{ name: "overlays", description: "Rules above the policy, with an owner, a reason, a scope and an end." },
	{ name: "daemon", description: "The state of the daemon." },
];

const TOKEN = {
	type: "http",
	scheme: "bearer",
	description:
		"A token from the daemon's --token-file. The unix socket needs none. TCP on loopback needs one to write. TCP on other " +
		"addresses needs one for every request.",
} as const;

/** Declares the access of this listener. `{}` is a request without a token; a token is accepted everywhere. */
function securityOf(access: Access["reading"]) {
	return access === "token" ? [{ token: [] }] : [{}, { token: [] }];
}

/** The page loads only its own files and calls only its own listener; its style sheet has images as data: URLs. */
const PAGE_CSP = {
	"default-src": "'none'",
	"script-src": "'self'",
	"style-src": "'self'",
	"img-src": "'self' data:",
	"connect-src": "'self'",
	"base-uri": "'none'",
	"form-action": "'none'",
	"frame-ancestors": "'none'",
};
