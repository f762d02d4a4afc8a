/** Unsupported methods of a path, and the entry page. */
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SOCKET_ACCESS } from "../../../src/api/access.ts";
import { listenOnTcp } from "../../../src/api/listen.ts";
import { Tokens } from "../../../src/api/tokens.ts";
import { fill, openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let services: FakeServices;
let app: FastifyInstance;

beforeEach(async () => {
	const harness = new TableHarness();
	services = new FakeServices(harness);
	fill(harness);
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
	["/v1/policy/reload", "OPTIONS, POST"],
	["/v1/status", GET],
	["/v1/stream", GET],
	["/v1/top", GET],
] as const;

test.each(PATHS)("%s allows %s", async (url, allow) => {
	const allowed = allow.split(", ");
	for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"] as const) {
		if (allowed.includes(method)) continue;
		/* Neither this content type nor this length is valid, but the method is checked first. */
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
	expect(page.headers["content-security-policy"]).toBe("default-src 'none'; frame-ancestors 'none'");
	for (const path of Object.values(links)) {
		expect(page.body).toContain(`<a href="${path}">`);
		expect((await app.inject(path)).statusCode, path).toBe(200);
	}
});

test("a name of 253 characters is found, and a longer one than any is refused", async () => {
	const name = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
	expect((await app.inject(`/v1/names/${name}`)).json()).toMatchObject({
		status: 404,
		detail: expect.stringContaining("not been seen"),
	});
	const long = await app.inject(`/v1/names/${"a".repeat(513)}`);
	expect(long.json()).toMatchObject({ status: 400, detail: "name must have at most 512 characters." });
});

test.each([
	["GET /v1/%zz HTTP/1.1\r\nhost: x", 400, "bad-request"],
	["GET /v1/names/%ff HTTP/1.1\r\nhost: x", 400, "bad-request"],
	["nonsense", 400, "bad-request"],
	["GET / HTTP/1.1\r\nhost: x\r\n: y", 400, "bad-request"],
	["GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2", 400, "bad-request"],
	[`GET / HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(20_000)}`, 431, "headers-too-large"],
	[`GET /${"y".repeat(20_000)} HTTP/1.1\r\nhost: x`, 431, "headers-too-large"],
] as const)("%.60s is %i with problem details", async (head, status, slug) => {
	await listenOnTcp(app, { host: "127.0.0.1", port: 0 });
	const { port } = app.server.address() as AddressInfo;
	const socket = connect(port, "127.0.0.1");
	socket.on("error", () => {});
	let text = "";
	socket.setEncoding("latin1").on("data", (part) => {
		text += part;
	});
	socket.write(`${head}\r\nconnection: close\r\n\r\n`);
	await once(socket, "close");
	const [headers = "", body = ""] = text.split("\r\n\r\n");
	expect(headers).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
	expect(headers.toLowerCase()).toContain("content-type: application/problem+json");
	expect(JSON.parse(body)).toMatchObject({ type: `urn:sallyport:problem:${slug}`, status, title: expect.any(String) });
});
