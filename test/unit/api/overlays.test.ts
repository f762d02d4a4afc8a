import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OverlayDocument } from "../../../src/api/overlay-types.ts";
import { newSharing } from "../../../src/api/sharing.ts";
import { openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let services: FakeServices;
let app: FastifyInstance;

beforeEach(async () => {
	services = new FakeServices(new TableHarness());
	await services.stage.begin();
	app = await openApi(services);
});
afterEach(() => app.close());

const RULES = [{ name: "release", action: "allow", to: { domain: "example.com", ports: 443 } }];
const send = (method: "POST" | "PUT" | "DELETE", url: string, payload?: object, headers = {}) =>
	app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
const create = (more: object = {}) => send("POST", "/v1/overlays", { name: "o", rules: RULES, ...more });

test("an overlay is created, listed, read, changed and deleted, and each change is in force at once", async () => {
	const created = await create({ reason: "release", owner: "alice", for: "10m", scope: "system.slice" });
	expect(created.statusCode).toBe(201);
	expect(created.headers["location"]).toBe("/v1/overlays/o");
	const document = created.json<OverlayDocument>();
	expect(created.headers["etag"]).toBe(document.etag);
	expect(document).toMatchObject({
		...{ name: "o", owner: "alice", reason: "release", scope: "system.slice", until: "2026-01-01T00:10:00.000Z" },
		...{ endsIn: 600, keep: false, inForce: true, problem: null, rules: RULES },
	});
	expect(services.stage.groups()).toEqual(["g/smtp", "@o/release"]);
	expect((await app.inject("/v1/overlays")).json()).toEqual({ overlays: [document] });

	const rules = [{ name: "other", action: "deny", to: { ports: 443 } }];
	const stale = await send("PUT", "/v1/overlays/o", { rules }, { "if-match": '"other"' });
	expect(stale.statusCode).toBe(412);
	expect(stale.json()).toMatchObject({ type: "urn:sallyport:problem:other-overlay", etag: document.etag });
	expect(services.stage.groups()).toContain("@o/release");
	const changed = await send("PUT", "/v1/overlays/o", { rules }, { "if-match": document.etag });
	expect(changed.json()).toMatchObject({ owner: "alice", reason: "", until: null, createdAt: document.createdAt });
	expect(services.stage.groups()).toEqual(["g/smtp", "@o/other"]);

	expect((await send("DELETE", "/v1/overlays/o", undefined, { "if-match": document.etag })).statusCode).toBe(412);
	expect((await send("DELETE", "/v1/overlays/o")).statusCode).toBe(204);
	expect((await app.inject("/v1/overlays/o")).statusCode).toBe(404);
	expect((await send("DELETE", "/v1/overlays/o")).json()).toMatchObject({ status: 404 });
	expect(services.stage.groups()).toEqual(["g/smtp"]);
	expect(services.stage.changes.map(({ change, by }) => [change, by])).toEqual([
		["created", "unix"],
		["changed", "unix"],
		["revoked", "unix"],
	]);
});

test("the user of the socket is the owner unless the request names one, and made the change in any case", async () => {
	const users = await openApi(services, { sharing: newSharing(() => 1000) });
	const post = async (payload: object) => (await users.inject({ method: "POST", url: "/v1/overlays", payload })).json();
	expect(await post({ name: "mine", rules: RULES })).toMatchObject({ owner: "uid:1000" });
	expect(await post({ name: "theirs", owner: "alice", rules: RULES })).toMatchObject({ owner: "alice" });
	await users.inject({ method: "PUT", url: "/v1/overlays/theirs", payload: { rules: RULES } });
	await users.inject({ method: "DELETE", url: "/v1/overlays/mine" });
	await users.close();
	expect(services.stage.changes.map(({ change, by, record }) => [change, record.name, by, record.owner])).toEqual([
		["created", "mine", "uid:1000", "uid:1000"],
		["created", "theirs", "uid:1000", "alice"],
		["changed", "theirs", "uid:1000", "alice"],
		["revoked", "mine", "uid:1000", "uid:1000"],
	]);
});

test.each([
	["an end in the past", { until: "2025-12-31T00:00:00Z" }, "/until", "2025-12-31T00:00:00Z is in the past"],
	["no time", { until: "soon" }, "/until", '"soon" is not a time'],
	["no duration", { for: "ten" }, "/for", '"ten" is not a duration'],
	["a duration of nothing", { for: "0s" }, "/for", "is no time at all"],
	["two ends", { for: "1m", until: "2027-01-01T00:00:00Z" }, "/for", "exclude each other"],
	["a scope that is no cgroup", { scope: "nowhere" }, "/scope", "nowhere does not exist"],
	["an impossible name", { name: "a/b" }, "/name", '"a/b" is not a name'],
	["a name that begins with @", { name: "@o" }, "/name", '"@o" is not a name'],
	[
		"a wrong prefix",
		{ rules: [{ name: "r", action: "allow", to: { cidr: ["10.0.0.0/8", "x"] } }] },
		"/rules/0/to/cidr/1",
		"x",
	],
	["an unknown key", { rules: [{ name: "r", action: "allow", to: { cdir: "::/0" } }] }, "/rules/0/to/cdir", "cidr"],
	["a final rule", { rules: [{ name: "r", action: "deny", final: true }] }, "/rules/0/final", "policy file"],
	["a duplicate rule", { rules: [...RULES, ...RULES] }, "/rules/1/name", "duplicate rule"],
])("%s is refused with its place, and nothing changes", async (_, more, pointer, detail) => {
	const refused = await create(more);
	expect(refused.statusCode).toBe(422);
	expect(refused.headers["content-type"]).toContain("application/problem+json");
	const problem = refused.json<{ type: string; errors: { pointer: string; detail: string }[] }>();
	expect(problem.type).toBe("urn:sallyport:problem:invalid-overlay");
	expect(problem.errors.map((each) => each.pointer)).toEqual([pointer]);
	expect(problem.errors[0]?.detail).toContain(detail);
	expect(services.stage.groups()).toEqual(["g/smtp"]);
	expect(services.stage.overlays.list()).toEqual([]);
});

test("unknown members and rules of a wrong type are refused by the schema", async () => {
	expect((await create({ rulez: [] })).json()).toMatchObject({ status: 400, errors: [{ pointer: "/rulez" }] });
	expect((await create({ rules: [] })).json()).toMatchObject({ status: 400, errors: [{ pointer: "/rules" }] });
	expect((await send("POST", "/v1/overlays", { name: "o" })).json()).toMatchObject({ errors: [{ pointer: "/rules" }] });
});

test("a name is taken once, and a rename is refused", async () => {
	await create();
	expect((await create()).json()).toMatchObject({ status: 409, errors: [{ pointer: "/name" }] });
	const renamed = await send("PUT", "/v1/overlays/o", { name: "p", rules: RULES });
	expect(renamed.json()).toMatchObject({ status: 422, errors: [{ pointer: "/name" }] });
});

test("rules beyond the limit are refused, and the overlays stay", async () => {
	const many = (count: number) =>
		Array.from({ length: count }, (_, i) => ({ name: `r${i}`, action: "allow", to: { ports: i + 1 } }));
	expect((await create({ rules: many(1023) })).statusCode).toBe(201);
	const refused = await create({ name: "p" });
	expect(refused.statusCode).toBe(422);
	expect(refused.json().errors[0].detail).toBe(
		"1 rules of the policy and 1024 of overlays; the limit is 1024 together",
	);
	expect(services.stage.overlays.list()).toHaveLength(1);
});
