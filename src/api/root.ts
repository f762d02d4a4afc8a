import type { FastifyInstance } from "fastify";
import { response } from "./schemas/base.ts";
import { indexSchema } from "./schemas/status.ts";

/** GET /: the entry points of the API, as JSON, or as a page for browsers. */
export function rootRoute(app: FastifyInstance, version: string): void {
	const index = {
		name: "Sallyport",
		version,
		links: Object.fromEntries(ENTRIES.map(([name, path]) => [name, path])),
	};
	const page = pageOf(version);
	app.get(
		"/",
		{
			schema: {
				operationId: "getIndex",
				tags: ["daemon"],
				summary: "List the entry points of the API.",
				response: { 200: response(indexSchema, ["text/html"]) },
			},
		},
		(request, reply) => {
			reply.header("vary", "accept");
			/* Browsers name text/html first; other clients name JSON or any type. */
			if (!/\btext\/html\b/i.test(request.headers.accept ?? "")) return reply.send(index);
			return reply.type("text/html; charset=utf-8").send(page);
		},
	);
}

const ENTRIES = [
	["documentation", "/docs", "Documentation of the API, with a form for each request"],
	["openapi", "/openapi.json", "OpenAPI 3.1 document"],
	["connections", "/v1/connections", "Connections and DNS queries, newest first"],
	["status", "/v1/status", "State of the daemon"],
	["metrics", "/metrics", "Prometheus metrics"],
	["health", "/healthz", "Liveness"],
	["readiness", "/readyz", "Readiness"],
] as const;

/* Without styles and scripts, so that the Content-Security-Policy of all responses can stay default-src 'none'. */
function pageOf(version: string): string {
	const items = ENTRIES.map(([, path, text]) => `<li><a href="${path}">${path}</a>: ${text}</li>`);
	return `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Sallyport</title></head>
<body>
<h1>Sallyport ${version}</h1>
<ul>
${items.join("\n")}
</ul>
</body>
</html>
`;
}
