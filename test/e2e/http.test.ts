/** Phase http: cleartext requests are judged one by one when sent, and by the status of their responses. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { policy, type TestRule } from "../support/policies.ts";
import { PORTS, Stage } from "../support/stage.ts";

const CONNECT: TestRule = { name: "open", phases: ["connect"], to: { domain: "**.good.test", ports: PORTS.http } };
const API: TestRule = { name: "api", to: { domain: "api.good.test", method: ["GET", "HEAD"], path: "/v1/**" } };

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: [CONNECT, API], defaults: { http: "deny" } }));
});
afterAll(() => stage.close());
beforeEach(() => stage.world.server.clear());

const requests = async (): Promise<string[]> =>
	(await stage.arrivals({ port: PORTS.http })).flatMap((each) => each.requests);

test("a request with an allowed method and path arrives, and a denied one sends no data", async () => {
	expect(await stage.curl("http://api.good.test/v1/models")).toMatchObject({ ok: true });
	expect(await requests()).toEqual(["GET /v1/models HTTP/1.1"]);
	await stage.world.server.clear();
	expect(await stage.curl("http://api.good.test/v2/models")).toMatchObject({ ok: false });
	expect(await stage.curl("http://api.good.test/v1/models", ["-X", "DELETE"])).toMatchObject({ ok: false });
	expect(await stage.curl("http://api.good.test/v1/models", ["-H", "Host: other.good.test"])).toMatchObject({
		ok: false,
	});
	expect(await stage.curl("http://api.good.test/v1/../admin", ["--path-as-is"])).toMatchObject({ ok: false });
	expect(await stage.bytesAt({ port: PORTS.http })).toBe(0);
	expect(await stage.record({ phase: "http", verdict: "deny", name: "other.good.test" })).toBeDefined();
});

test("a denied upload has sent no bytes, in the record and in the metrics", async () => {
	const file = join(stage.world.folder, "upload");
	writeFileSync(file, Buffer.alloc(3_000_000, "x"));
	const before = await stage.metric("sallyport_tcp_bytes_total", 'direction="out"');
	const upload = ["-H", "Expect:", "-H", "Host: upload.good.test", "--data-binary", `@${file}`];
	expect(await stage.curl("http://api.good.test/v3/upload", upload)).toMatchObject({ ok: false });
	const seen = await stage.record({ phase: "http", verdict: "deny", end: "denied", name: "upload.good.test" });
	expect(seen.bytesOut).toBe(0);
	expect(await stage.bytesAt({ port: PORTS.http })).toBe(0);
	expect((await stage.metric("sallyport_tcp_bytes_total", 'direction="out"')) - before).toBeLessThan(10_000);
});

test("a second request on a connection is judged separately, and its denial ends the connection", async () => {
	const outcome = await stage.curl("http://api.good.test/secret", ["http://api.good.test/v1/one"]);
	expect(outcome.ok).toBe(false);
	expect(await requests()).not.toContain("GET /secret HTTP/1.1");
	expect(await requests()).toContain("GET /v1/one HTTP/1.1");
});

test("a Host that DNS never resolved to this address is denied", async () => {
	await stage.daemon.put(
		policy({ rules: [{ ...CONNECT, to: { ports: PORTS.http } }, API], defaults: { http: "deny" } }),
	);
	expect(await stage.curl("http://198.19.77.7/v1/x", ["-H", "Host: api.good.test"])).toMatchObject({ ok: false });
	expect(
		await stage.record({ address: "198.19.77.7", phase: "http", verdict: "deny", reason: "name_unbound" }),
	).toBeDefined();
	expect(await stage.bytesAt({ port: PORTS.http })).toBe(0);
});

test("a rule with status judges the response: a denied one does not reach the client", async () => {
	const status: TestRule = { name: "no-success", action: "deny", to: { status: "2xx" } };
	await stage.daemon.put(policy({ rules: [CONNECT, status], defaults: { http: "allow" } }));
	expect(await stage.curl("http://api.good.test/v1/answered")).toMatchObject({ ok: false });
	expect(await requests()).toEqual(["GET /v1/answered HTTP/1.1"]);
	expect(await stage.record({ phase: "http", verdict: "deny", rule: "no-success" })).toBeDefined();
});

test("a request through a SOCKS proxy is judged by its Host", async () => {
	const proxy = { cidr: "198.19.77.7/32", ports: PORTS.socks };
	const rules: TestRule[] = [
		{ name: "proxy", phases: ["connect"], to: proxy },
		{ name: "api", to: { domain: "api.good.test" } },
	];
	await stage.daemon.put(policy({ rules, defaults: { http: "deny" }, more: { name_binding: "sni" } }));
	const through = ["--socks5-hostname", `198.19.77.7:${PORTS.socks}`];
	const arrived = async () => (await stage.arrivals({ port: PORTS.socks })).flatMap((each) => each.requests);
	expect(await stage.curl("http://api.good.test/one", through)).toMatchObject({ ok: true });
	expect(await stage.curl("http://other.good.test/two", through)).toMatchObject({ ok: false });
	expect(await arrived()).toEqual(["GET /one HTTP/1.1"]);
	expect(await stage.record({ name: "other.good.test", phase: "http", verdict: "deny" })).toMatchObject({
		port: PORTS.socks,
	});
});
