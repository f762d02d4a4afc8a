import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jsonLogger } from "../../../src/base/logger.ts";
import { openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let services: FakeServices;
let app: FastifyInstance;

beforeEach(async () => {
	services = new FakeServices(new TableHarness());
	app = await openApi(services);
});
afterEach(() => app.close());

const put = (payload: string, headers: Record<string, string> = {}) =>
	app.inject({
		method: "PUT",
		url: "/v1/policy",
		headers: { "content-type": "application/yaml", ...headers },
		payload,
	});

const PROBLEM = {
	file: "(api)",
	line: 2,
	column: 3,
	path: "mode",
	message: 'unknown mode "x"',
	expected: "enforce or observe",
	suggestion: "enforce",
};

test("GET returns the policy as a document or as text, with its ETag", async () => {
	const json = await app.inject("/v1/policy");
	expect(json.json()).toEqual({
		text: "version: 1\n",
		generation: 3,
		etag: '"abc"',
		mode: "enforce",
		source: "/etc/sallyport/policy.yaml",
		origin: "file",
		loadedAt: "1970-01-01T00:00:00.000Z",
		warnings: [],
	});
	expect(json.headers["etag"]).toBe('"abc"');
	const yaml = await app.inject({ url: "/v1/policy", headers: { accept: "application/yaml" } });
	expect(yaml.body).toBe("version: 1\n");
	expect(yaml.headers["content-type"]).toContain("application/yaml");
	expect((await app.inject({ url: "/v1/policy", headers: { "if-none-match": '"abc"' } })).statusCode).toBe(304);
	services.document = null;
	expect((await app.inject("/v1/policy")).json()).toMatchObject({ status: 404, title: "Not Found" });
});

test.each(["application/yaml", "text/plain", "application/json", "application/x-www-form-urlencoded"])(
	"PUT puts a policy of type %s in force",
	async (type) => {
		const response = await put('{"version": 1}', { "content-type": type });
		expect(response.statusCode).toBe(200);
		expect(response.json()).toMatchObject({ generation: 4, origin: "api" });
		expect(response.headers["etag"]).toBe('"def"');
		expect(services.loads).toEqual(['{"version": 1}']);
	},
);

test("an invalid policy is 422 with every error and its position", async () => {
	services.problems = [PROBLEM];
	const response = await put("mode: x");
	expect(response.headers["content-type"]).toBe("application/problem+json");
	expect(response.json()).toEqual({
		type: "urn:sallyport:problem:invalid-policy",
		title: "Invalid policy",
		status: 422,
		detail: "The policy has 1 error; the policy in force does not change.",
		errors: [{ detail: PROBLEM.message, file: "(api)", line: 2, column: 3 }],
		problems: [PROBLEM],
	});
});

test("reload: the policy of the file, 422 with its problems, 409 without a file", async () => {
	const reload = () => app.inject({ method: "POST", url: "/v1/policy/reload" });
	expect((await reload()).json()).toMatchObject({ generation: 3, source: "/etc/sallyport/policy.yaml" });
	services.problems = [PROBLEM];
	expect((await reload()).json()).toMatchObject({ status: 422, problems: [PROBLEM] });
	services.problems = [];
	services.document = null;
	expect((await reload()).json()).toMatchObject({ status: 409, type: "urn:sallyport:problem:no-policy-file" });
});

test("If-Match protects the policy of another client from being overwritten", async () => {
	const stale = await put("version: 1", { "if-match": '"zzz"' });
	expect([stale.statusCode, stale.json<{ etag: string }>().etag]).toEqual([412, '"abc"']);
	expect((await put("version: 1", { "if-match": 'W/"abc"' })).statusCode).toBe(412);
	expect(services.loads).toEqual([]);
	expect((await put("version: 1", { "if-match": '"zzz", "abc"' })).statusCode).toBe(200);
	expect((await put("version: 1", { "if-match": "*" })).statusCode).toBe(200);
});

test("a check lists every error and changes nothing", async () => {
	const check = () =>
		app.inject({
			method: "POST",
			url: "/v1/policy/check",
			headers: { "content-type": "application/yaml" },
			payload: "mode: x",
		});
	services.problems = [PROBLEM];
	expect((await check()).json()).toEqual({ ok: false, problems: [PROBLEM], warnings: [], facts: null });
	services.problems = [];
	expect((await check()).json()).toMatchObject({ ok: true, problems: [] });
	expect(services.loads).toEqual([]);
});

test("explain takes client, destination and name, and names the invalid part", async () => {
	const explain = (payload: object) => app.inject({ method: "POST", url: "/v1/policy/explain", payload });
	expect((await explain({ name: "x.test" })).statusCode).toBe(404);
	expect(services.asked).toEqual([{ name: "x.test", assumeLearned: true }]);
	const wrong = await explain({ to: { port: 70_000 } });
	expect(wrong.json()).toMatchObject({ status: 400, errors: [{ pointer: "/to/port", detail: expect.any(String) }] });
	expect((await explain({ whom: {} })).json()).toMatchObject({
		errors: [{ pointer: "/whom", detail: "is not a known member" }],
	});
});

test.each([
	["", "the body must be an object."],
	['{"who":{"exe":""}}', "/who/exe must not be empty."],
	['{"phases":[]}', "/phases must not be empty."],
	['{"phases":["dns","dns","dns","dns","dns"]}', "/phases must have at most 4 items."],
	['{"phases":["smtp"]}', "/phases/0 must be one of dns, connect, tls, http."],
	['{"to":{"port":70000}}', "/to/port must be at most 65535."],
	['{"to":[]}', "/to must be an object."],
	['{"who":{"pid":1}}', "/who/pid is not a known member."],
])("the detail of an explain request with body %s is: %s", async (body, detail) => {
	const headers = { "content-type": "application/json" };
	const request = {
		method: "POST",
		url: "/v1/policy/explain",
		...(body === "" ? {} : { headers, payload: body }),
	} as const;
	expect((await app.inject(request)).json()).toMatchObject({ status: 400, title: "Invalid request", detail });
});

test("without a port, explain leaves the default to the kind of request", async () => {
	await app.inject({
		method: "POST",
		url: "/v1/policy/explain",
		payload: { to: { address: "192.0.2.1" }, request: {} },
	});
	expect(services.asked).toEqual([
		{
			to: { address: "192.0.2.1", protocol: "tcp" },
			request: { method: "GET", path: "/" },
			assumeLearned: true,
		},
	]);
});

test("health, readiness, status and metrics", async () => {
	expect((await app.inject("/healthz")).json()).toEqual({ status: "ok" });
	expect((await app.inject("/readyz")).json()).toEqual({ ready: true, checks: { policy: "ok" } });
	services.illness = "no policy is in force";
	expect((await app.inject("/healthz")).json()).toEqual({ status: "unhealthy", message: "no policy is in force" });
	expect((await app.inject("/readyz")).statusCode).toBe(503);
	expect((await app.inject("/v1/status")).json()).toEqual(services.status());
	const metrics = await app.inject("/metrics");
	expect(metrics.body).toBe("sallyport_up 1\n");
	expect(metrics.headers["content-type"]).toContain("text/plain");
});

test("the cause of an internal error is logged and not sent", async () => {
	const lines: string[] = [];
	services.unhealthyReason = () => {
		throw new Error("secret");
	};
	const other = await openApi(services, { log: jsonLogger((line) => lines.push(line)) });
	const response = await other.inject("/healthz");
	expect(response.json()).toMatchObject({ status: 500, detail: "Internal error; the daemon's log has the cause." });
	expect(response.body).not.toContain("secret");
	expect(lines.join()).toContain("secret");
});
