import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { listenOnTcp, tcpListener } from "../../../src/api/listen.ts";
import { isLoopback, parseListen } from "../../../src/system/listen-address.ts";
import { must } from "../../support/run.ts";
import { fill, openApi, openSocket } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let folder: string;
let services: FakeServices;
let harness: TableHarness;
const TOKEN = "0123456789abcdef0123456789abcdef";
const tokenFile = () => join(folder, "token");
const tls = () => ({ tlsCert: join(folder, "cert.pem"), tlsKey: join(folder, "key.pem") });
const none = { tokenFile: null, tlsCert: null, tlsKey: null };

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	writeFileSync(tokenFile(), `# of the deployer\n${TOKEN}\n`, { mode: 0o600 });
	const subject = ["-subj", "/CN=sallyport.test", "-addext", "subjectAltName=DNS:sallyport.test,IP:127.0.0.1"];
	const { tlsCert, tlsKey } = tls();
	const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"];
	must("openssl", "req", ...kind, ...subject, "-keyout", tlsKey, "-out", tlsCert);
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
	harness = new TableHarness();
	services = new FakeServices(harness);
	fill(harness);
});

const put = (headers: Record<string, string>) =>
	({
		method: "PUT",
		url: "/v1/policy",
		headers: { "content-type": "application/yaml", host: "127.0.0.1:9440", ...headers },
		payload: "version: 1",
	}) as const;

test("on loopback, reading is open and writing needs a token", async () => {
	const { access } = tcpListener({ listen: "127.0.0.1:9440", ...none, tokenFile: tokenFile() });
	const app = await openApi(services, { access });
	for (const url of ["/v1/connections", "/v1/policy", "/healthz", "/docs/json", "/openapi.json", "/"]) {
		expect((await app.inject({ url, headers: { host: "127.0.0.1:9440" } })).statusCode, url).toBe(200);
	}
	const refused = await app.inject(put({}));
	expect(refused.statusCode).toBe(401);
	expect(refused.headers["www-authenticate"]).toContain("Bearer");
	expect(refused.json()).toMatchObject({ type: "urn:sallyport:problem:token-needed", status: 401 });
	for (const wrong of ["Bearer x", `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, `Bearer ${TOKEN.slice(1)}`, "Bearer  "]) {
		expect((await app.inject(put({ authorization: wrong }))).statusCode, wrong).toBe(401);
	}
	expect(services.loads).toEqual([]);
	expect((await app.inject(put({ authorization: `Bearer ${TOKEN}` }))).statusCode).toBe(200);
	await app.close();
});

test("without a token file, writing over TCP is refused", async () => {
	const { access } = tcpListener({ listen: "127.0.0.1:9440", ...none });
	const app = await openApi(services, { access });
	const response = await app.inject(put({ authorization: `Bearer ${TOKEN}` }));
	expect(response.json()).toMatchObject({ status: 403, detail: expect.stringContaining("unix socket") });
	expect(services.loads).toEqual([]);
	const check = await app.inject({ ...put({}), method: "POST", url: "/v1/policy/check" });
	expect(check.statusCode).toBe(200);
	await app.close();
});

test.each([
	["attacker.example", 421],
	["attacker.example:9440", 421],
	["localhost.attacker.example", 421],
	["localhost:9440", 200],
	["LOCALHOST", 200],
	["127.0.0.1:9440", 200],
	["[::1]:9440", 200],
])("a request with Host %s, which may be rebound to this listener: %i", async (host, status) => {
	const { access } = tcpListener({ listen: "127.0.0.1:9440", ...none });
	const app = await openApi(services, { access });
	expect((await app.inject({ url: "/v1/connections", headers: { host } })).statusCode).toBe(status);
	const cross = await app.inject({ url: "/v1/status", headers: { host, "sec-fetch-site": "cross-site" } });
	expect(cross.statusCode).toBe(status === 200 ? 403 : status);
	await app.close();
});

test("on other addresses, reading needs TLS and a token", async () => {
	for (const listen of ["0.0.0.0:9440", "[::]:9440", "10.0.0.1:1"]) {
		const code = { code: "NOT_LOOPBACK" };
		expect(() => tcpListener({ listen, ...none })).toThrow(expect.objectContaining(code));
		expect(() => tcpListener({ listen, ...none, tokenFile: tokenFile() })).toThrow(expect.objectContaining(code));
		expect(() => tcpListener({ listen, ...none, ...tls() })).toThrow(expect.objectContaining(code));
	}
	const listener = tcpListener({ listen: "0.0.0.0:9440", tokenFile: tokenFile(), ...tls() });
	const app = await openApi(services, { access: listener.access, tls: listener.tls! });
	/* The test listens on loopback. */
	await listenOnTcp(app, { host: "127.0.0.1", port: 0 });
	const { port } = app.server.address() as AddressInfo;
	const ask = (headers: Record<string, string>) => status(port, listener.tls?.cert, headers);
	expect(await ask({})).toBe(401);
	expect(await ask({ authorization: `Bearer ${TOKEN}` })).toBe(200);
	expect(await ask({ authorization: `Bearer ${TOKEN}`, host: "sallyport.test" })).toBe(200);
	expect(await ask({ authorization: `Bearer ${TOKEN}`, host: "attacker.example" })).toBe(421);
	await app.close();
});

test("an unusable token file or certificate is an error before anything listens", () => {
	const open = join(folder, "open");
	writeFileSync(open, TOKEN);
	chmodSync(open, 0o644);
	const short = join(folder, "short");
	writeFileSync(short, "abc\n", { mode: 0o600 });
	const listen = "127.0.0.1:1";
	const { tlsCert, tlsKey } = tls();
	for (const [config, what] of [
		[{ ...none, tokenFile: open }, "other users have access to it"],
		[{ ...none, tokenFile: short }, "16 characters"],
		[{ ...none, tokenFile: join(folder, "none") }, "ENOENT"],
		[{ ...none, tlsCert }, "both"],
		[{ ...none, tlsCert: tlsKey, tlsKey }, "cannot be used"],
	] as const) {
		expect(() => tcpListener({ listen, ...config })).toThrow(what);
	}
});

test.each(["127.0.0.1:9440", "[::1]:9440", "localhost:1", "127.9.9.9:80"])("%s is loopback", (address) => {
	expect(isLoopback(parseListen(address, "--listen", 9440).host)).toBe(true);
});

test.each(["127.0.0.1.evil.com:1", "example.com:80", "9440", "127.0.0.1:99999", ""])("%s is refused", (address) => {
	expect(() => parseListen(address, "--listen", 9440)).toThrow(expect.objectContaining({ code: "USAGE" }));
});

test("the socket is for root, or for root and the group, and replaces an old one", async () => {
	const path = join(folder, "run/api.sock");
	const first = await openApi(services);
	await openSocket(first, path, null);
	expect(statSync(path).mode & 0o777).toBe(0o600);
	await first.close();
	writeFileSync(path, "stale");
	const second = await openApi(services);
	await openSocket(second, path, process.getgid?.() ?? 0);
	expect(statSync(path).mode & 0o777).toBe(0o660);
	expect(statSync(join(folder, "run")).mode & 0o777).toBe(0o755);
	await second.close();
});

function status(port: number, ca: Buffer | undefined, headers: Record<string, string>): Promise<number> {
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	const options = {
		host: "127.0.0.1",
		port,
		path: "/v1/status",
		headers,
		ca,
		agent: false,
		servername: "sallyport.test",
	};
	const asked = httpsRequest(options, (response) => {
		response.resume();
		resolve(response.statusCode ?? 0);
	});
	asked.on("error", reject).end();
	return promise;
}

/** The arguments of every process in each form in which the API shows records. */
async function argumentsShown(url: string, headers: Record<string, string>, tokens: string | null) {
	const { access } = tcpListener({ listen: "127.0.0.1:9440", ...none, tokenFile: tokens });
	const app = await openApi(services, { access });
	const { body, statusCode } = await app.inject({ url, headers: { host: "127.0.0.1:9440", ...headers } });
	await app.close();
	expect(statusCode).toBe(200);
	expect(body).toContain("curl");
	return body.includes("https://example.com");
}

const RECORDS: readonly (readonly [url: string, accept: string])[] = [
	["/v1/connections", "application/json"],
	["/v1/connections", "application/x-ndjson"],
	["/v1/connections", "text/csv"],
	["/v1/connections/1", "application/json"],
];

test.for(RECORDS)("on loopback, arguments of processes need a token: %s as %s", async ([url, accept]) => {
	for (const file of [tokenFile(), null]) {
		expect(await argumentsShown(url, { accept }, file)).toBe(false);
		expect(await argumentsShown(url, { accept, authorization: "Bearer wrong" }, file)).toBe(false);
	}
	const authorization = `Bearer ${TOKEN}`;
	expect(await argumentsShown(url, { accept, authorization }, tokenFile())).toBe(true);
	const { body } = await (await openApi(services)).inject({ url, headers: { accept } });
	expect(body).toContain("https://example.com");
});

test("on loopback, the stream shows arguments of processes only with a token", async () => {
	const { access } = tcpListener({ listen: "127.0.0.1:0", ...none, tokenFile: tokenFile() });
	const app = await openApi(services, { access });
	await listenOnTcp(app, { host: "127.0.0.1", port: 0 });
	const { port } = app.server.address() as AddressInfo;
	const first = async (headers: Record<string, string>) => {
		const over = new AbortController();
		const response = await fetch(`http://127.0.0.1:${port}/v1/stream`, { headers, signal: over.signal });
		const reader = response.body?.getReader();
		for (const connection of harness.table.kept.all()) services.feed.push(connection, Date.now());
		let text = "";
		while (!text.includes("event: connection")) text += Buffer.from((await reader?.read())?.value ?? []).toString();
		while (!text.includes('"process":{')) text += Buffer.from((await reader?.read())?.value ?? []).toString();
		over.abort();
		return text;
	};
	expect(await first({})).not.toContain("https://example.com");
	expect(await first({ authorization: `Bearer ${TOKEN}` })).toContain("https://example.com");
	expect(await first({})).not.toContain("https://example.com");
	await app.close();
});
