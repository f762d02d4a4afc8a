import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as request1 } from "node:http";
import { request as requestTls } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DEFAULTS } from "../../../src/base/config.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import type { MetricsConfig } from "../../../src/base/metrics-config.ts";
import { checkMetricsConfig, listenForScrapes, type MetricsListener } from "../../../src/metrics/listener.ts";
import { hashPassword, parsePasswordHash, verifyPassword } from "../../../src/metrics/password.ts";
import { makeCertificates } from "../../support/certificates.ts";

let folder: string;
let logged: string[];
let listeners: MetricsListener[];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	logged = [];
	listeners = [];
});
afterEach(async () => {
	for (const listener of listeners) await listener.close();
	rmSync(folder, { recursive: true, force: true });
});

const TOKEN = "0123456789abcdef-token";

async function listen(config: Partial<MetricsConfig> = {}, listen = "127.0.0.1:0"): Promise<MetricsListener> {
	const log = jsonLogger((line) => void logged.push(line));
	const listener = await listenForScrapes({ ...DEFAULTS.metrics, ...config, listen }, parts, log);
	listeners.push(listener);
	return listener;
}

async function* parts() {
	yield "up 1\n";
	yield "up 2\n";
}

function file(name: string, text: string, mode = 0o600): string {
	const path = join(folder, name);
	writeFileSync(path, text);
	chmodSync(path, mode);
	return path;
}

interface Asked {
	readonly path?: string;
	readonly method?: string;
	readonly authorization?: string;
	readonly ca?: Buffer;
}

function ask(
	{ address }: MetricsListener,
	{ path = "/metrics", method = "GET", authorization, ca }: Asked = {},
): Promise<{ status: number; text: string; type: string | undefined }> {
	const { promise, resolve, reject } = Promise.withResolvers<{
		status: number;
		text: string;
		type: string | undefined;
	}>();
	const port = Number(address.slice(address.lastIndexOf(":") + 1));
	const headers = authorization === undefined ? {} : { authorization };
	const options = { host: "127.0.0.1", port, path, method, headers, agent: false as const };
	const asked = (ca === undefined ? request1 : requestTls)(
		{ ...options, ca, servername: "metrics.good.test" },
		(response) => {
			let text = "";
			response.setEncoding("utf8").on("data", (part) => (text += part));
			response.on("end", () =>
				resolve({ status: response.statusCode ?? 0, text, type: response.headers["content-type"] }),
			);
		},
	);
	asked.on("error", reject);
	asked.end();
	return promise;
}

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

test("it serves /metrics and nothing else", async () => {
	const listener = await listen();
	expect(await ask(listener)).toEqual({
		status: 200,
		text: "up 1\nup 2\n",
		type: expect.stringContaining("version=0.0.4"),
	});
	expect((await ask(listener, { method: "HEAD" })).text).toBe("");
	for (const path of ["/", "/metricsx", "/v1/connections", "/v1/policy", "/metrics/../v1/policy"])
		expect((await ask(listener, { path })).status, path).toBe(404);
	for (const method of ["POST", "PUT", "DELETE"]) expect((await ask(listener, { method })).status).toBe(405);
	expect(logged).toEqual([]);
});

test("with a token only its holder may read", async () => {
	const listener = await listen({ tokenFile: file("token", `${TOKEN}\n`) });
	expect((await ask(listener)).status).toBe(401);
	for (const authorization of [`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, TOKEN, "Bearer ", basic("a", TOKEN)])
		expect((await ask(listener, { authorization })).status, authorization).toBe(401);
	expect((await ask(listener, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
	expect((await ask(listener, { authorization: `bearer ${TOKEN}` })).status).toBe(200);
});

test("with users only they may read, whichever the hash", async () => {
	const sha = createHash("sha256").update("long and random").digest("hex");
	const basicFile = file("users", `# who\nprometheus:sha256:${sha}\nann:${await hashPassword("hello:you")}\n`);
	const listener = await listen({ basicFile });
	expect((await ask(listener, { authorization: basic("prometheus", "long and random") })).status).toBe(200);
	expect((await ask(listener, { authorization: basic("ann", "hello:you") })).status).toBe(200);
	expect((await ask(listener, { authorization: basic("ann", "hello:you") })).status, "known again").toBe(200);
	for (const [user, password] of [
		["ann", "hello"],
		["ann", "long and random"],
		["bob", "hello:you"],
		["", ""],
	])
		expect((await ask(listener, { authorization: basic(user ?? "", password ?? "") })).status).toBe(401);
});

test("guesses do not take the machine's time: few hashes are computed at once", async () => {
	const listener = await listen({ basicFile: file("users", `ann:${await hashPassword("right")}\n`) });
	const answers = await Promise.all(
		Array.from({ length: 20 }, (_, i) => ask(listener, { authorization: basic("ann", `guess ${i}`) })),
	);
	const statuses = answers.map(({ status }) => status);
	expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
	expect(statuses.filter((status) => status !== 503 && status !== 401)).toEqual([]);
});

test("TLS; certificate and token are read again when told, and a broken file leaves the ones before", async () => {
	const { ca, cert, key } = makeCertificates(folder);
	const { readFileSync } = await import("node:fs");
	const tokenFile = file("token", TOKEN);
	const listener = await listen({ tlsCert: cert, tlsKey: key, tokenFile });
	const asked = { ca: readFileSync(ca), authorization: `Bearer ${TOKEN}` };
	expect((await ask(listener, asked)).status).toBe(200);
	await expect(ask(listener, { authorization: `Bearer ${TOKEN}` })).rejects.toThrow();
	file("token", `${TOKEN}-new`);
	listener.reload();
	expect((await ask(listener, asked)).status).toBe(401);
	expect((await ask(listener, { ...asked, authorization: `Bearer ${TOKEN}-new` })).status).toBe(200);
	file("token", "short");
	listener.reload();
	expect((await ask(listener, { ...asked, authorization: `Bearer ${TOKEN}-new` })).status).toBe(200);
	expect(logged.join("")).toContain("the ones before stay");
});

test("an address that others reach is warned of: open, or secrets in clear; so is a secret that all can read", async () => {
	await listen({}, "0.0.0.0:0");
	expect(logged.join("")).toContain("whoever reaches this address can read them");
	logged = [];
	await listen({ tokenFile: file("token", TOKEN, 0o644) }, "0.0.0.0:0");
	expect(logged.join("")).toContain("in clear");
	expect(logged.join("")).toContain("everyone on this host can read a secret");
});

test("what cannot be is said before anything starts", async () => {
	const { metrics } = DEFAULTS;
	expect(() => checkMetricsConfig({ ...metrics, listen: "1.2.3.4:1", tlsCert: "x" })).toThrow("belong together");
	expect(() => checkMetricsConfig({ ...metrics, tokenFile: "x" })).toThrow("no --metrics-listen");
	for (const address of ["9441", "host.example:9441", "1.2.3.4:99999", "::1:9441", "[::1]"])
		expect(() => checkMetricsConfig({ ...metrics, listen: address }), address).toThrow("ADDRESS:PORT");
	for (const address of ["127.0.0.1:9441", "[::1]:9441", "localhost:0"])
		checkMetricsConfig({ ...metrics, listen: address });
	for (const listen of ["0.0.0.0:9441", "[::]:9441", "192.0.2.1:9441"]) {
		const tls = { tlsCert: "cert.pem", tlsKey: "key.pem" };
		for (const missing of [{}, { tokenFile: "t" }, { basicFile: "b" }, tls]) {
			const config = { ...metrics, listen, ...missing };
			expect(() => checkMetricsConfig(config), JSON.stringify(config)).toThrow("to the network");
			checkMetricsConfig({ ...config, insecure: true });
		}
		checkMetricsConfig({ ...metrics, listen, ...tls, tokenFile: "t" });
		checkMetricsConfig({ ...metrics, listen, ...tls, basicFile: "b" });
	}
	await expect(listen({ tokenFile: join(folder, "none") })).rejects.toThrow(/none/);
	await expect(listen({ tokenFile: file("token", "short") })).rejects.toThrow("16 to 512");
	await expect(listen({ basicFile: file("users", "ann:plain") })).rejects.toThrow("line 1");
});

test("a scrypt hash that would take too much memory is refused", async () => {
	const hash = await hashPassword("x");
	expect(hash).toMatch(/^scrypt:14:8:1:/);
	expect(parsePasswordHash(hash.replace("scrypt:14", "scrypt:30"))).toBeNull();
	expect(parsePasswordHash(hash.replace("scrypt:14", "scrypt:4"))).toBeNull();
	const parsed = parsePasswordHash(hash);
	expect(parsed !== null && (await verifyPassword("x", parsed))).toBe(true);
	expect(parsed !== null && (await verifyPassword("y", parsed))).toBe(false);
});
