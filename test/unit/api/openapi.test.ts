import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import SwaggerParser from "@apidevtools/swagger-parser";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SOCKET_ACCESS } from "../../../src/api/access.ts";
import { listenOnTcp, tcpListener } from "../../../src/api/listen.ts";
import { Tokens } from "../../../src/api/tokens.ts";
import { mismatches, type Schema, type Spec } from "../../support/openapi.ts";
import { NODE_COMMAND, ROOT } from "../../support/paths.ts";
import { fill, openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let app: FastifyInstance;
let services: FakeServices;
let spec: Spec;

beforeAll(async () => {
	const harness = new TableHarness();
	services = new FakeServices(harness);
	fill(harness);
	const { access } = tcpListener({ listen: "127.0.0.1:0", tokenFile: null, tlsCert: null, tlsKey: null });
	app = await openApi(services, { access });
	await listenOnTcp(app, { host: "127.0.0.1", port: 0 });
	spec = (await app.inject({ url: "/openapi.json", headers: { host: "localhost" } })).json<Spec>();
});
afterAll(() => app.close());

const operations = () =>
	Object.entries(spec.paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, operation]) => ({ route: `${method.toUpperCase()} ${path}`, operation })),
	);

test("the document is valid OpenAPI 3.1 and has every route", async () => {
	expect(spec.openapi).toBe("3.1.0");
	await SwaggerParser.validate(structuredClone(spec) as never);
	expect(
		operations()
			.map(({ route }) => route)
			.sort(),
	).toEqual([
		"DELETE /v1/overlays/{name}",
		"GET /",
		"GET /healthz",
		"GET /metrics",
		"GET /readyz",
		"GET /v1/connections",
		"GET /v1/connections/{id}",
		"GET /v1/names",
		"GET /v1/names/{name}",
		"GET /v1/overlays",
		"GET /v1/overlays/{name}",
		"GET /v1/policy",
		"GET /v1/status",
		"GET /v1/stream",
		"GET /v1/top",
		"POST /v1/overlays",
		"POST /v1/policy/check",
		"POST /v1/policy/explain",
		"POST /v1/policy/reload",
		"PUT /v1/overlays/{name}",
		"PUT /v1/policy",
	]);
	const tags = spec.tags.map(({ name }) => name);
	for (const { route, operation } of operations()) {
		expect(operation.summary, route).toMatch(/^[A-Z].*\.$/);
		expect(tags, route).toEqual(expect.arrayContaining([...operation.tags]));
		expect(operation.responses["default"]?.content, route).toEqual({
			"application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
		});
	}
	const ids = operations().map(({ operation }) => operation.operationId);
	expect(new Set(ids).size).toBe(ids.length);
	for (const url of ["/docs/json", "/openapi.yaml", "/docs/yaml"]) {
		const response = await app.inject({ url, headers: { host: "localhost" } });
		expect([response.statusCode, response.body.includes("listConnections")], url).toEqual([200, true]);
	}
});

test("JSON in responses has a named schema, every object schema but a request is open, and every schema is used", () => {
	const closed: string[] = [];
	const visit = (value: unknown, path: string): void => {
		if (typeof value !== "object" || value === null) return;
		if ((value as Schema).additionalProperties === false) closed.push(path);
		for (const [key, each] of Object.entries(value)) visit(each, `${path}.${key}`);
	};
	for (const { route, operation } of operations()) {
		for (const [status, { content = {} }] of Object.entries(operation.responses)) {
			for (const [type, { schema }] of Object.entries(content)) {
				if (/[/+]json$/.test(type)) expect(schema.$ref, `${route} ${status}`).toMatch(/^#\/components\/schemas\/\w+$/);
			}
		}
		visit(operation.responses, route);
	}
	for (const [name, schema] of Object.entries(spec.components.schemas)) {
		expect(schema.description, name).toMatch(/^[A-Z`].*\.$/);
		visit(schema, name);
	}
	expect(closed.filter((path) => !/^(Explain|Overlay)Request/.test(path))).toEqual([]);
	expect(closed).toEqual(expect.arrayContaining(["ExplainRequest", "OverlayRequest"]));
	const text = JSON.stringify(spec);
	const unused = Object.keys(spec.components.schemas).filter((name) => !text.includes(`schemas/${name}"`));
	expect(unused).toEqual([]);
});

/** Operations that change something. */
const WRITING = new Set([
	...["put /v1/policy", "post /v1/policy/reload"],
	...["post /v1/overlays", "put /v1/overlays/{name}", "delete /v1/overlays/{name}"],
]);

test("every operation declares the token that its listener needs", async () => {
	const tokens = new Tokens(["0123456789abcdef"]);
	const token = { token: [] };
	for (const [access, read, write] of [
		[SOCKET_ACCESS, [{}, token], [{}, token]],
		[{ ...SOCKET_ACCESS, writing: "token", tokens }, [{}, token], [token]],
		[{ ...SOCKET_ACCESS, reading: "token", writing: "token", tokens }, [token], [token]],
	] as const) {
		const other = await openApi(services, { access });
		const headers = { authorization: "Bearer 0123456789abcdef" };
		const { paths } = (await other.inject({ url: "/openapi.json", headers })).json<Spec>();
		for (const [path, methods] of Object.entries(paths)) {
			for (const [method, { security }] of Object.entries(methods)) {
				expect(security, `${method} ${path}`).toEqual(WRITING.has(`${method} ${path}`) ? write : read);
			}
		}
		await other.close();
	}
});

test("the page at /docs loads nothing from elsewhere and runs nothing inline", async () => {
	const page = await app.inject({ url: "/docs/", headers: { host: "localhost" } });
	expect(page.statusCode).toBe(200);
	expect(page.body).toContain("swagger-ui");
	expect(page.headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
	expect(page.headers["content-security-policy"]).not.toMatch(/unsafe|https?:|upgrade/);
	expect(page.body).not.toMatch(/(src|href)="https?:/);
	expect(spec.servers.map(({ url }) => url)).toEqual(["/"]);
});

test.each([
	["/", "/"],
	["/v1/connections", "/v1/connections"],
	["/v1/connections/{id}", "/v1/connections/1"],
	["/v1/top", "/v1/top?by=name,port"],
	["/v1/names", "/v1/names"],
	["/v1/names/{name}", "/v1/names/www.example.org"],
	["/v1/policy", "/v1/policy"],
	["/v1/status", "/v1/status"],
	["/healthz", "/healthz"],
	["/readyz", "/readyz"],
])("the response of %s matches the document", async (path, url) => {
	const response = await app.inject({ url, headers: { host: "localhost" } });
	expect(response.statusCode, response.body).toBe(200);
	expect(mismatches(spec, `GET ${path}`, "200", response.json())).toEqual([]);
});

test("an error matches the document", async () => {
	const response = await app.inject({ url: "/v1/connections?port=x", headers: { host: "localhost" } });
	expect(mismatches(spec, "GET /v1/connections", "default", response.json())).toEqual([]);
});

test("a generated client has named types, and lists denied connections with them", async () => {
	/* Inside the repository, so that the client's imports resolve. */
	const folder = mkdtempSync(join(ROOT, "test/unit/api/.client-"));
	const run = (file: string, ...args: string[]) =>
		promisify(execFile)(file, args, { cwd: folder }).catch((error: { stdout: string; stderr: string }) => {
			throw new Error(error.stdout + error.stderr);
		});
	try {
		writeFileSync(join(folder, "openapi.json"), JSON.stringify(spec));
		writeFileSync(join(folder, "program.ts"), PROGRAM);
		const compilerOptions = { ...COMPILER, types: ["node"], rootDir: "." };
		writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
		await run(...NODE_COMMAND, join(ROOT, "node_modules/.bin/oazapfts"), "openapi.json", "client.ts");
		await run(join(ROOT, "node_modules/.bin/tsc"), "--project", ".");
		const { port } = app.server.address() as AddressInfo;
		const { stdout } = await run(...NODE_COMMAND, "program.ts", `http://127.0.0.1:${port}`);
		expect(JSON.parse(stdout)).toEqual({
			denied: [{ id: 2, verdict: "deny", comm: "mail", rule: "no-smtp" }],
			state: null,
			problem: { status: 400, parameter: "port" },
		});
	} finally {
		rmSync(folder, { recursive: true });
	}
});

const COMPILER = {
	target: "es2024",
	lib: ["es2024", "dom"],
	module: "nodenext",
	strict: true,
	noEmit: true,
	allowImportingTsExtensions: true,
	verbatimModuleSyntax: true,
	skipLibCheck: true,
};

const PROGRAM = `
import { ok } from "@oazapfts/runtime";
import * as api from "./client.ts";

api.defaults.baseUrl = process.argv[2] ?? "";
const list: api.ConnectionList = await ok(api.listConnections({ verdict: ["deny"] }));
const denied = list.connections.map((each: api.Connection) => {
	const verdict: api.Verdict = each.verdict;
	const client: api.Process | null = each.process;
	return { id: each.id, verdict, comm: client?.comm, rule: each.rule };
});
// @ts-expect-error A name may be null.
const name: string = list.connections[0]!.name;
// @ts-expect-error The type has no such member.
list.connections[0]!.nosuch;
const status: api.Status = await ok(api.getStatus());
const state: api.HistoryStatus["state"] | null = status.history?.state ?? null;
const refused = await api.listConnections({ port: ["x"] });
const { status: code, errors } = refused.data as api.Problem;
console.log(JSON.stringify({ denied, state, problem: { status: code, parameter: errors?.[0]?.parameter } }));
`;
