/** Invalid parameters: the status, the name of the parameter and the text. */
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let app: FastifyInstance;

beforeAll(async () => {
	app = await openApi(new FakeServices(new TableHarness()));
});
afterAll(() => app.close());

test.each([
	["?verdict=maybe", "verdict"],
	["?port=70000", "port"],
	["?port=9-2", "port"],
	["?port=x", "port"],
	["?limit=0", "limit"],
	["?address=example.com", "address"],
	["?protocol=tpc", "protocol"],
	["?since=yesterday", "since"],
	["?until=", "until"],
	["?nonsense=1", "nonsense"],
	["?name=", "name"],
	["?name=a&name=", "name"],
	["?not-verdict=maybe", "not-verdict"],
	["?verdict=allow&verdict=maybe", "verdict"],
	["?not-port=9-2", "not-port"],
	["?not-kind=dns", "not-kind"],
	["?kind=dns&kind=connection", "kind"],
	["?since=2026-02-30", "since"],
	["?since=2026-01", "since"],
	[`?${"unit=a&".repeat(101)}`, "unit"],
	[`?name=${"x".repeat(600)}`, "name"],
	["?sort=comm", "sort"],
	["?cursor=abc", "cursor"],
	["?cursor=m.abc", "cursor"],
	["?from=elsewhere", "from"],
])("/v1/connections%s is refused, and the error names %s", async (query, parameter) => {
	const response = await app.inject(`/v1/connections${query}`);
	expect(response.statusCode).toBe(400);
	expect(response.headers["content-type"]).toBe("application/problem+json");
	expect(response.json()).toMatchObject({
		type: "urn:sallyport:problem:bad-request",
		title: expect.any(String),
		status: 400,
		detail: expect.any(String),
		errors: [{ parameter, detail: expect.any(String) }],
	});
});

test.each([
	["/v1/connections?cursor=", "cursor must not be empty."],
	["/v1/connections?unit=", "unit is empty; expected a unit name or a pattern"],
	["/v1/connections?limit=0", "limit must be at least 1."],
	["/v1/connections?limit=x", "limit must be an integer."],
	["/v1/connections?open=maybe", "open must be true or false."],
	["/v1/connections?verdict=maybe", "verdict must be one of allow, deny, would_deny."],
	["/v1/connections?nonsense=1", "nonsense is not a known parameter."],
	[`/v1/connections?cursor=${"x".repeat(4097)}`, "cursor must have at most 4096 characters."],
	["/v1/connections/abc", "id must be an integer."],
	["/v1/top?by=", "by must not be empty."],
])("the detail of %s is: %s", async (url, detail) => {
	expect((await app.inject(url)).json()).toMatchObject({ status: 400, title: "Invalid request", detail });
});
