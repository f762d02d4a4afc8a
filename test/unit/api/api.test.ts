import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { buildApp } from "../../../src/api/app.ts";
import { sinceOf } from "../../../src/api/connections.ts";
import { listenOnSocket, listenOnTcp, loopback } from "../../../src/api/listen.ts";
import { jsonLogger } from "../../../src/logger.ts";
import { END, HOOK, PROTOCOL, REASON, VERDICT } from "../../../src/native/layout.ts";
import { Desk } from "../support/desk.ts";
import { cgroupEvent, connect, end, hello, processEvent, question } from "../support/events.ts";
import { FakeServices } from "../support/services.ts";

const quiet = jsonLogger(() => {}, "error");
let desk: Desk;
let services: FakeServices;

beforeEach(() => {
	desk = new Desk();
	services = new FakeServices(desk);
	desk.rules.set("1 0", { group: "web", name: "api" });
	desk.rules.set("1 1", { group: "base", name: "no-smtp" });
	desk.feed(
		processEvent({ uid: 0 }),
		cgroupEvent("system.slice/agent.service/"),
		connect({ cookie: 1n, time: 1e9, remote: "192.0.2.1" }),
		hello("api.example.com", { cookie: 1n, time: 1.1e9, rule: 0, reason: REASON.rule }),
		connect({
			cookie: 2n,
			time: 2e9,
			remote: "2001:db8::5",
			remotePort: 25,
			verdict: VERDICT.deny,
			rule: 1,
			reason: REASON.rule,
			tgid: 77,
			uid: 1000,
			comm: "mail",
			cgroup: 0,
		}),
		connect({
			cookie: 3n,
			time: 3e9,
			remote: "198.51.100.7",
			remotePort: 5000,
			protocol: PROTOCOL.udp,
			hook: HOOK.sendmsg,
			verdict: VERDICT.wouldDeny,
		}),
		question("www.example.org", 28, { cookie: 4n, time: 4e9 }),
		end(END.local, { cookie: 1n, time: 5e9, bytesOut: 10n }),
	);
});

const app = (mayChange = true) => buildApp({ services, log: quiet, mayChange });

async function ids(query: string): Promise<number[]> {
	const response = await app().inject(`/v1/connections${query}`);
	expect(response.statusCode, response.body).toBe(200);
	return response.json<{ connections: { id: number }[] }>().connections.map(({ id }) => id);
}

test.each<[string, number[]]>([
	["", [4, 3, 2, 1]],
	["?verdict=deny", [2]],
	["?verdict=would_deny", [3]],
	["?phase=tls", [1]],
	["?phase=dns", [4]],
	["?name=api.example.com", [1]],
	["?name=API.Example.com.", [1]],
	["?name=*.example.*", [4, 1]],
	["?name=example.com", []],
	["?address=192.0.2.0/24", [1]],
	["?address=2001:db8::/32", [2]],
	["?port=5000", [3]],
	["?protocol=udp", [4, 3]],
	["?protocol=17&kind=connection", [3]],
	["?process=42&verdict=allow", [4, 1]],
	["?process=mail", [2]],
	["?process=/usr/bin/curl", [4, 3, 1]],
	["?process=cur*", [4, 3, 1]],
	["?unit=agent.service", [4, 3, 1]],
	["?user=root&kind=dns", [4]],
	["?user=1000", [2]],
	["?rule=api", [1]],
	["?group=base", [2]],
	["?open=true", [3]],
	["?open=false", [4, 2, 1]],
	["?since=4", [4, 1]],
	["?limit=1", [4]],
	["?unit=agent.service&limit=2", [4, 3]],
])("/v1/connections%s", async (query, expected) => {
	expect(await ids(query)).toEqual(expected);
});

test("a full record passes the response's schema unchanged", async () => {
	const [record] = (await app().inject("/v1/connections?name=api.example.com")).json<{ connections: unknown[] }>()
		.connections;
	const whole = desk.views().find((view) => view.id === 1);
	expect(record).toEqual(whole);
	const others = (await app().inject("/v1/connections")).json<{ connections: unknown[]; more: boolean }>();
	expect(others.connections).toEqual(desk.views().reverse());
	expect(others.more).toBe(false);
	expect((await app().inject("/v1/connections?limit=2")).json()).toMatchObject({ more: true });
});

test("Accept: application/x-ndjson gives a record a line", async () => {
	const response = await app().inject({ url: "/v1/connections", headers: { accept: "application/x-ndjson" } });
	expect(response.headers["content-type"]).toContain("application/x-ndjson");
	const lines = response.body
		.trimEnd()
		.split("\n")
		.map((line) => JSON.parse(line) as unknown);
	expect(lines).toEqual(desk.views().reverse());
});

test.each([
	"?verdict=maybe",
	"?port=70000",
	"?port=x",
	"?limit=0",
	"?address=example.com",
	"?protocol=tpc",
	"?since=yesterday",
	"?nonsense=1",
	"?name=",
	`?name=${"x".repeat(600)}`,
])("/v1/connections%s is refused with what is wrong", async (query) => {
	const response = await app().inject(`/v1/connections${query}`);
	expect(response.statusCode).toBe(400);
	expect(response.json()).toMatchObject({ error: "bad_request", message: expect.any(String) });
});

test("since takes times, seconds and ages", () => {
	expect(sinceOf("15m", 10_000_000)).toBe(10_000_000 - 900_000);
	expect(sinceOf("1767225600", 0)).toBe(1_767_225_600_000);
	expect(sinceOf("2026-01-01T00:00:00Z", 0)).toBe(1_767_225_600_000);
});

test("the policy is given as a document or as its text, with its etag", async () => {
	const json = await app().inject("/v1/policy");
	expect(json.json()).toEqual({
		text: "version: 1\n",
		generation: 3,
		etag: '"abc"',
		mode: "enforce",
		source: "/etc/sallyport/policy.yaml",
		origin: "file",
		loadedAt: "1970-01-01T00:00:00.000Z",
	});
	expect(json.headers["etag"]).toBe('"abc"');
	const yaml = await app().inject({ url: "/v1/policy", headers: { accept: "application/yaml" } });
	expect(yaml.body).toBe("version: 1\n");
	expect(yaml.headers["content-type"]).toContain("application/yaml");
	services.document = null;
	expect((await app().inject("/v1/policy")).statusCode).toBe(404);
});

test.each(["application/yaml", "text/plain", "application/json", "application/x-www-form-urlencoded"])(
	"PUT puts a policy in force, sent as %s",
	async (type) => {
		const response = await app().inject({
			method: "PUT",
			url: "/v1/policy",
			headers: { "content-type": type },
			payload: '{"version": 1}',
		});
		expect(response.statusCode).toBe(200);
		expect(response.json()).toMatchObject({ generation: 4, origin: "api" });
		expect(services.loads).toEqual(['{"version": 1}']);
	},
);

test("a bad policy is 422 with every problem and its place", async () => {
	services.problems = [
		{
			file: "(api)",
			line: 2,
			column: 3,
			path: "mode",
			message: 'unknown mode "x"',
			expected: "enforce or observe",
			suggestion: "enforce",
		},
	];
	const response = await app().inject({
		method: "PUT",
		url: "/v1/policy",
		headers: { "content-type": "application/yaml" },
		payload: "mode: x",
	});
	expect(response.statusCode).toBe(422);
	expect(response.json()).toEqual({
		error: "invalid_policy",
		message: "1 problem; the policy in force stays.",
		problems: services.problems,
	});
});

test("If-Match guards against overwriting another's policy", async () => {
	const put = (tag: string) =>
		app().inject({
			method: "PUT",
			url: "/v1/policy",
			headers: { "content-type": "application/yaml", "if-match": tag },
			payload: "version: 1",
		});
	expect((await put('"zzz"')).statusCode).toBe(412);
	expect(services.loads).toEqual([]);
	expect((await put('"zzz", "abc"')).statusCode).toBe(200);
	expect((await put("*")).statusCode).toBe(200);
});

test("over TCP the policy cannot be changed", async () => {
	const response = await app(false).inject({
		method: "PUT",
		url: "/v1/policy",
		headers: { "content-type": "application/yaml" },
		payload: "version: 1",
	});
	expect(response.statusCode).toBe(403);
	expect(response.json()).toMatchObject({ error: "forbidden", message: expect.stringContaining("unix socket") });
	expect(services.loads).toEqual([]);
	expect((await app(false).inject("/v1/policy")).statusCode).toBe(200);
});

test("bodies are limited, unknown types and paths refused", async () => {
	const put = (type: string, payload: string) =>
		app().inject({ method: "PUT", url: "/v1/policy", headers: { "content-type": type }, payload });
	expect((await put("application/yaml", "x".repeat(5 * 1024 * 1024))).statusCode).toBe(413);
	expect((await put("application/octet-stream", "x")).statusCode).toBe(415);
	expect((await app().inject("/v1/nothing")).json()).toEqual({
		error: "not_found",
		message: "There is no GET /v1/nothing.",
	});
});

test("health, status and metrics", async () => {
	expect((await app().inject("/healthz")).statusCode).toBe(200);
	services.illness = "no policy is in force";
	expect((await app().inject("/healthz")).json()).toEqual({ status: "ill", message: "no policy is in force" });
	expect((await app().inject("/v1/status")).json()).toMatchObject({
		adopted: true,
		generation: 3,
		policy: { mode: "enforce" },
	});
	const metrics = await app().inject("/metrics");
	expect(metrics.body).toBe("sallyport_up 1\n");
	expect(metrics.headers["content-type"]).toContain("text/plain");
});

test("a fault inside is logged and not told", async () => {
	const lines: string[] = [];
	services.ill = () => {
		throw new Error("secret");
	};
	const response = await buildApp({ services, log: jsonLogger((line) => lines.push(line)), mayChange: true }).inject(
		"/healthz",
	);
	expect(response.statusCode).toBe(500);
	expect(response.body).not.toContain("secret");
	expect(lines.join()).toContain("secret");
});

test.each(["127.0.0.1:9440", "[::1]:9440", "localhost:1", "127.9.9.9:80"])("%s is loopback", (address) => {
	expect(loopback(address).port).toBeGreaterThan(0);
});

test.each([
	["0.0.0.0:9440", "NOT_LOOPBACK"],
	["[::]:9440", "NOT_LOOPBACK"],
	["10.0.0.1:1", "NOT_LOOPBACK"],
	["127.0.0.1.evil.com:1", "NOT_LOOPBACK"],
	["example.com:80", "NOT_LOOPBACK"],
	["9440", "USAGE"],
	["127.0.0.1:99999", "USAGE"],
])("%s is refused (%s)", (address, code) => {
	expect(() => loopback(address)).toThrow(expect.objectContaining({ code }));
});

test("the socket is root's alone, or the group's too; an old one is replaced; a port in use says so", async () => {
	const folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	const path = join(folder, "run/api.sock");
	const first = app();
	await listenOnSocket(first, path, null);
	expect(statSync(path).mode & 0o777).toBe(0o600);
	await first.close();
	writeFileSync(path, "stale");
	const second = app();
	await listenOnSocket(second, path, process.getgid?.() ?? 0);
	expect(statSync(path).mode & 0o777).toBe(0o660);
	expect(statSync(join(folder, "run")).mode & 0o777).toBe(0o755);
	await listenOnTcp(second.server.listening ? app() : app(), "127.0.0.1:0");
	await second.close();
	rmSync(folder, { recursive: true });
});
