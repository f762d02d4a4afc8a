import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import SwaggerParser from "@apidevtools/swagger-parser";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listenOnTcp, tcpListener } from "../../../src/api/listen.ts";
import { ROOT } from "../../support/paths.ts";
import { fill, openApi } from "../support/api.ts";
import { Desk } from "../support/desk.ts";
import { FakeServices } from "../support/services.ts";

let app: FastifyInstance;
let services: FakeServices;
let spec: Spec;

interface Operation {
	readonly operationId: string;
	readonly summary: string;
	readonly responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
type Spec = { readonly openapi: string; readonly paths: Record<string, Record<string, Operation>> };

beforeAll(async () => {
	const desk = new Desk();
	services = new FakeServices(desk);
	fill(desk);
	const { access } = tcpListener({ listen: "127.0.0.1:0", tokenFile: null, tlsCert: null, tlsKey: null });
	app = await openApi(services, { access });
	await listenOnTcp(app, { host: "127.0.0.1", port: 0 });
	spec = (await app.inject({ url: "/docs/json", headers: { host: "localhost" } })).json<Spec>();
});
afterAll(() => app.close());

test("the document is valid OpenAPI 3.1 and has every route", async () => {
	expect(spec.openapi).toBe("3.1.0");
	await SwaggerParser.validate(structuredClone(spec) as never);
	const operations = Object.entries(spec.paths).flatMap(([path, methods]) =>
		Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
	);
	expect(operations.sort()).toEqual([
		"GET /healthz",
		"GET /metrics",
		"GET /readyz",
		"GET /v1/connections",
		"GET /v1/connections/{id}",
		"GET /v1/names",
		"GET /v1/names/{name}",
		"GET /v1/policy",
		"GET /v1/status",
		"GET /v1/stream",
		"GET /v1/top",
		"POST /v1/policy/check",
		"POST /v1/policy/explain",
		"POST /v1/policy/reload",
		"PUT /v1/policy",
	]);
	const ids = Object.values(spec.paths).flatMap((methods) =>
		Object.values(methods).map(({ operationId }) => operationId),
	);
	expect(new Set(ids).size).toBe(ids.length);
});

test("there is a page at /docs, which loads nothing from elsewhere", async () => {
	const page = await app.inject({ url: "/docs/", headers: { host: "localhost" } });
	expect(page.statusCode).toBe(200);
	expect(page.body).toContain("swagger-ui");
	expect(page.headers["content-security-policy"]).toMatch(/default-src 'self'/);
	expect(page.body).not.toMatch(/(src|href)="https?:/);
});

test.each([
	["/v1/connections", "/v1/connections"],
	["/v1/connections/{id}", "/v1/connections/1"],
	["/v1/top", "/v1/top?by=name,port"],
	["/v1/names", "/v1/names"],
	["/v1/names/{name}", "/v1/names/www.example.org"],
	["/v1/policy", "/v1/policy"],
	["/v1/status", "/v1/status"],
	["/healthz", "/healthz"],
	["/readyz", "/readyz"],
])("what %s answers is what the document says", async (path, url) => {
	const response = await app.inject({ url, headers: { host: "localhost" } });
	expect(response.statusCode, response.body).toBe(200);
	conforms(spec.paths[path]?.["get"]?.responses["200"]?.content?.["application/json"]?.schema, response.json());
});

test("errors are what the document says", async () => {
	const response = await app.inject({ url: "/v1/connections?port=x", headers: { host: "localhost" } });
	const { content } = spec.paths["/v1/connections"]?.["get"]?.responses["default"] ?? {};
	conforms(content?.["application/problem+json"]?.schema, response.json());
});

test("a client that a known generator makes of the document lists denied connections", async () => {
	/* Inside the project, so that the client finds its runtime and strict types are checked with it. */
	const folder = mkdtempSync(join(ROOT, "test/unit/api/.client-"));
	try {
		const document = join(folder, "openapi.json");
		const client = join(folder, "client.ts");
		writeFileSync(document, JSON.stringify(spec));
		const made = spawnSync(process.execPath, [join(ROOT, "node_modules/.bin/oazapfts"), document, client], {
			encoding: "utf8",
		});
		expect(made.status, made.stderr + made.stdout).toBe(0);
		const { port } = app.server.address() as AddressInfo;
		const generated = (await import(pathToFileURL(client).href)) as {
			listConnections(query: object, options: object): Promise<{ status: number; data: { connections: object[] } }>;
		};
		const reply = await generated.listConnections({ verdict: "deny" }, { baseUrl: `http://127.0.0.1:${port}` });
		expect(reply.status).toBe(200);
		expect(reply.data.connections).toMatchObject([{ id: 2, verdict: "deny", remotePort: 25, rule: "no-smtp" }]);
	} finally {
		rmSync(folder, { recursive: true });
	}
});

function conforms(schema: object | undefined, value: unknown): void {
	expect(schema).toBeDefined();
	const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { "date-time": /^\d{4}-\d\d-\d\dT[\d:.]+Z$/ } });
	const validate = ajv.compile(schema ?? {});
	validate(value);
	expect(validate.errors ?? []).toEqual([]);
}
