/** Methods that a path does not have, and the entry page. */
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SOCKET_ACCESS } from "../../../src/api/access.ts";
import { Tokens } from "../../../src/api/tokens.ts";
import { fill, openApi } from "../support/api.ts";
import { Desk } from "../support/desk.ts";
import { FakeServices } from "../support/services.ts";

let services: FakeServices;
let app: FastifyInstance;

beforeEach(async () => {
	const desk = new Desk();
	services = new FakeServices(desk);
	fill(desk);
	app = await openApi(services);
});
afterEach(() => app.close());

const GET = "GET, HEAD, OPTIONS";
const PATHS = [
	["/", GET],
	["/docs", GET],
	["/docs/", GET],
	["/docs/static/index.css", GET],
	["/openapi.json", GET],
	["/healthz", GET],
	["/readyz", GET],
	["/metrics", GET],
	["/v1/connections", GET],
	["/v1/connections/1", GET],
	["/v1/names/api.example.com", GET],
	["/v1/policy", "GET, HEAD, OPTIONS, PUT"],
	["/v1/policy/check", "OPTIONS, POST"],
	["/v1/policy/explain", "OPTIONS, POST"],
	["/v1/status", GET],
	["/v1/stream", GET],
	["/v1/top", GET],
] as const;

test.each(PATHS)("%s allows %s", async (url, allow) => {
	const allowed = allow.split(", ");
	for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"] as const) {
		if (allowed.includes(method)) continue;
		/* A type that no route takes, and more than any body may have: neither is looked at. */
		const payload = "x".repeat(method === "POST" ? 100 * 1024 : 1);
		const body = method === "GET" || method === "HEAD" ? {} : { payload, headers: { "content-type": "image/png" } };
		const response = await app.inject({ method: method as "GET", url, ...body });
		expect([response.statusCode, response.headers["allow"]], method).toEqual([405, allow]);
		if (method === "HEAD") continue;
		expect(response.headers["content-type"]).toBe("application/problem+json");
		expect(response.json()).toEqual({
			type: "urn:sallyport:problem:method-not-allowed",
			title: "Method Not Allowed",
			status: 405,
			detail: `${method} is not allowed; the allowed methods are ${allow}.`,
		});
	}
	const options = await app.inject({ method: "OPTIONS", url });
	expect([options.statusCode, options.headers["allow"], options.body]).toEqual([204, allow, ""]);
	expect(options.headers).not.toHaveProperty("access-control-allow-origin");
	if (!allowed.includes("GET")) return;
	const head = await app.inject({ method: "HEAD", url });
	expect([head.statusCode, head.body]).toEqual([200, ""]);
	if (url === "/v1/stream") return;
	const get = await app.inject(url);
	expect(get.statusCode).toBe(200);
	expect(head.headers["content-type"]).toBe(get.headers["content-type"]);
	if (head.headers["content-length"] !== undefined) {
		expect(head.headers["content-length"]).toBe(String(get.rawPayload.length));
	}
});

test("an unknown path is 404 for every method, and an unknown method 501", async () => {
	for (const method of ["GET", "HEAD", "POST", "OPTIONS", "DELETE"] as const) {
		expect((await app.inject({ method, url: "/v1/nosuch" })).statusCode, method).toBe(404);
	}
	expect((await app.inject("/v1/nosuch?x=1")).json()).toMatchObject({ detail: "There is no /v1/nosuch." });
	const unknown = await app.inject({ method: "PROPFIND" as "GET", url: "/v1/status" });
	expect(unknown.json()).toMatchObject({ type: "urn:sallyport:problem:unknown-method", status: 501 });
});

test("405 and OPTIONS need the token that reading needs", async () => {
	const tokens = new Tokens(["0123456789abcdef"]);
	const closed = await openApi(services, { access: { ...SOCKET_ACCESS, reading: "token", writing: "token", tokens } });
	for (const method of ["GET", "POST", "OPTIONS"] as const) {
		expect((await closed.inject({ method, url: "/" })).statusCode, method).toBe(401);
	}
	const headers = { authorization: "Bearer 0123456789abcdef" };
	expect((await closed.inject({ method: "POST", url: "/", headers })).statusCode).toBe(405);
	expect((await closed.inject({ url: "/", headers })).statusCode).toBe(200);
	await closed.close();
});

test("/ leads to the entry points, as JSON, or as a page for browsers", async () => {
	const json = await app.inject("/");
	const { links } = json.json<{ links: Record<string, string> }>();
	expect(json.json()).toMatchObject({ name: "Sallyport", version: "1.2.3" });
	expect(Object.values(links)).toEqual(
		expect.arrayContaining(["/docs", "/openapi.json", "/v1/status", "/metrics", "/healthz", "/readyz"]),
	);
	const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
	const page = await app.inject({ url: "/", headers: { accept } });
	expect(page.headers["content-type"]).toBe("text/html; charset=utf-8");
	expect(page.headers["content-security-policy"]).toBe("default-src 'none'");
	for (const path of Object.values(links)) {
		expect(page.body).toContain(`<a href="${path}">`);
		expect((await app.inject(path)).statusCode, path).toBe(200);
	}
});
