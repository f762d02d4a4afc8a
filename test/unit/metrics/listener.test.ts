import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as request1 } from "node:http";
import { request as requestTls } from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DEFAULTS, LIMITS, TIMES } from "../../../src/base/config.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import type { MetricsConfig } from "../../../src/base/metrics-config.ts";
import { checkMetricsConfig, listenForScrapes, type MetricsListener } from "../../../src/metrics/listener.ts";
import { hashPassword, parsePasswordHash, verifyPassword } from "../../../src/metrics/password.ts";
import { makeCertificates } from "../../support/certificates.ts";

let folder: string;
let logged: string[];
let listeners: MetricsListener[];
let sockets: Socket[];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	logged = [];
	listeners = [];
	sockets = [];
});
afterEach(async () => {
	for (const socket of sockets) socket.destroy();
	for (const listener of listeners) await listener.close();
	rmSync(folder, { recursive: true, force: true });
});

const TOKEN = "0123456789abcdef-token";

async function listen(
	config: Partial<MetricsConfig> = {},
	listen = "127.0.0.1:0",
	expose: () => AsyncIterable<string> = parts,
): Promise<MetricsListener> {
	const log = jsonLogger((line) => void logged.push(line));
	const listener = await listenForScrapes({ ...DEFAULTS.metrics, ...config, listen }, expose, log);
	listeners.push(listener);
	return listener;
}

/** A response that has no end. `made`: its parts so far. */
let made = 0;
async function* endless() {
	for (;;) {
		made++;
		yield "x".repeat(65_536);
	}
}

/** A client that reads the first bytes of a scrape and no more. `begun` rejects unless it gets status 200. */
function stalled(listener: MetricsListener): { socket: Socket; begun: Promise<void> } {
	const socket = connect(portOf(listener), "127.0.0.1");
	sockets.push(socket);
	socket.write("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
	const begun = new Promise<void>((resolve, reject) => {
		socket.once("data", (bytes) => {
			socket.pause();
			if (bytes.toString("latin1").startsWith("HTTP/1.1 200")) resolve();
			else reject(new Error(bytes.toString("latin1")));
		});
	});
	return { socket, begun };
}

function portOf({ address }: MetricsListener): number {
	return Number(address.slice(address.lastIndexOf(":") + 1));
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

interface Request {
	readonly path?: string;
	readonly method?: string;
	readonly authorization?: string;
	readonly ca?: Buffer;
}

function ask(
	listener: MetricsListener,
	{ path = "/metrics", method = "GET", authorization, ca }: Request = {},
): Promise<{ status: number; text: string; type: string | undefined }> {
	const { promise, resolve, reject } = Promise.withResolvers<{
		status: number;
		text: string;
		type: string | undefined;
	}>();
	const port = portOf(listener);
	const headers = authorization === undefined ? {} : { authorization };
	const options = { host: "127.0.0.1", port, path, method, headers, agent: false as const };
	const sent = (ca === undefined ? request1 : requestTls)(
		{ ...options, ca, servername: "metrics.good.test" },
		(response) => {
			let text = "";
			response.setEncoding("utf8").on("data", (part) => (text += part));
			response.on("end", () =>
				resolve({ status: response.statusCode ?? 0, text, type: response.headers["content-type"] }),
			);
		},
	);
	sent.on("error", reject);
	sent.end();
	return promise;
}

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

test("the only path is /metrics, the only methods are GET and HEAD", async () => {
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

test("with a token, the token is required", async () => {
	const listener = await listen({ tokenFile: file("token", `${TOKEN}\n`) });
	expect((await ask(listener)).status).toBe(401);
	for (const authorization of [`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, TOKEN, "Bearer ", basic("a", TOKEN)])
		expect((await ask(listener, { authorization })).status, authorization).toBe(401);
	expect((await ask(listener, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
	expect((await ask(listener, { authorization: `bearer ${TOKEN}` })).status).toBe(200);
});

test("with users, a user and password of either kind of hash is required", async () => {
	const sha = createHash("sha256").update("long and random").digest("hex");
	const basicFile = file("users", `# users\nprometheus:sha256:${sha}\nann:${await hashPassword("hello:you")}\n`);
	const listener = await listen({ basicFile });
	expect((await ask(listener, { authorization: basic("prometheus", "long and random") })).status).toBe(200);
	expect((await ask(listener, { authorization: basic("ann", "hello:you") })).status).toBe(200);
	expect((await ask(listener, { authorization: basic("ann", "hello:you") })).status, "from memory").toBe(200);
	for (const [user, password] of [
		["ann", "hello"],
		["ann", "long and random"],
		["bob", "hello:you"],
		["", ""],
	])
		expect((await ask(listener, { authorization: basic(user ?? "", password ?? "") })).status).toBe(401);
});

test("few password hashes are computed at a time; further guesses are refused", async () => {
	const listener = await listen({ basicFile: file("users", `ann:${await hashPassword("right")}\n`) });
	const answers = await Promise.all(
		Array.from({ length: 20 }, (_, i) => ask(listener, { authorization: basic("ann", `guess ${i}`) })),
	);
	const statuses = answers.map(({ status }) => status);
	expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(0);
	expect(statuses.filter((status) => status !== 503 && status !== 401)).toEqual([]);
});

test("TLS: a reload reads certificate and token again, and keeps the previous ones if a file cannot be used", async () => {
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
	expect(logged.join("")).toContain("stay as they were");
});

test("the log warns about metrics that every host can read, a secret in cleartext, and a secret that every user can access", async () => {
	await listen({}, "0.0.0.0:0");
	expect(logged.join("")).toContain("every host that reaches this address can read them");
	logged = [];
	await listen({ tokenFile: file("token", TOKEN, 0o644) }, "0.0.0.0:0");
	expect(logged.join("")).toContain("in cleartext");
	expect(logged.join("")).toContain("every user of this host can access a secret");
});

test("settings and files are checked before the daemon starts anything", async () => {
	const { metrics } = DEFAULTS;
	const { cert, key } = makeCertificates(folder);
	const tls = { tlsCert: cert, tlsKey: key };
	const token = { tokenFile: file("token", TOKEN) };
	const basic = { basicFile: file("users", `ann:${await hashPassword("x")}\n`) };
	const listen1 = { ...metrics, listen: "127.0.0.1:9441" };
	expect(() => checkMetricsConfig({ ...listen1, tlsCert: cert })).toThrow("TLS needs both");
	for (const secret of [token, basic, tls])
		expect(() => checkMetricsConfig({ ...metrics, ...secret })).toThrow("without --metrics-listen");
	for (const address of ["9441", "host.example:9441", "1.2.3.4:99999", "::1:9441", "[::1]"])
		expect(() => checkMetricsConfig({ ...metrics, listen: address }), address).toThrow("ADDRESS:PORT");
	for (const address of ["127.0.0.1:9441", "[::1]:9441", "localhost:0"])
		checkMetricsConfig({ ...metrics, listen: address });
	for (const listen of ["0.0.0.0:9441", "[::]:9441", "192.0.2.1:9441"]) {
		for (const given of [{}, token, basic, tls]) {
			const config = { ...metrics, listen, ...given };
			expect(() => checkMetricsConfig(config), JSON.stringify(config)).toThrow("to the network");
			checkMetricsConfig({ ...config, insecure: true });
		}
		checkMetricsConfig({ ...metrics, listen, ...tls, ...token });
		checkMetricsConfig({ ...metrics, listen, ...tls, ...basic });
	}
	const unusable: [Partial<MetricsConfig>, RegExp][] = [
		[{ tokenFile: join(folder, "none") }, /none cannot be used.*ENOENT/],
		[{ tokenFile: file("short", "short") }, /16 to 512/],
		[{ basicFile: file("plain", "ann:plain") }, /line 1/],
		[{ basicFile: file("empty", "# nobody\n") }, /no user/],
		[{ tlsCert: key, tlsKey: cert }, /cannot be used/],
	];
	for (const [files, what] of unusable) {
		expect(() => checkMetricsConfig({ ...listen1, ...files })).toThrow(expect.objectContaining({ code: "USAGE" }));
		await expect(listen(files)).rejects.toThrow(what);
	}
});

test("a busy port is an error with the address", async () => {
	const { address } = await listen();
	await expect(listen({}, address)).rejects.toMatchObject({
		code: "LISTEN_FAILED",
		message: expect.stringContaining(address),
	});
});

test("one client may send so many requests a second, and no more", async () => {
	const listener = await listen({ tokenFile: file("token", TOKEN) });
	const guesses = Array.from({ length: LIMITS.scrapeRequests + 10 }, (_, i) => `Bearer ${TOKEN}${i}`);
	const statuses = await Promise.all(
		guesses.map(async (authorization) => (await ask(listener, { authorization })).status),
	);
	expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(LIMITS.scrapeRequests);
	expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
});

test("an unread response is not generated further, and too many scrapes at a time are refused", async () => {
	const listener = await listen({}, "127.0.0.1:0", endless);
	const clients = Array.from({ length: LIMITS.scrapes }, () => stalled(listener));
	await Promise.all(clients.map(({ begun }) => begun));
	await new Promise((resolve) => setTimeout(resolve, 200));
	const before = made;
	await new Promise((resolve) => setTimeout(resolve, 200));
	expect(made).toBe(before);
	const refused = await ask(listener);
	expect(refused).toMatchObject({ status: 503, text: "Too many requests at a time.\n" });
	for (const { socket } of clients) socket.destroy();
	await vi.waitFor(() => stalled(listener).begun);
});

test("a client that does not read its scrape is cut off, with a line in the log", { timeout: 20_000 }, async () => {
	const timeout = AbortSignal.timeout.bind(AbortSignal);
	const asked: number[] = [];
	const spy = vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
		asked.push(ms);
		return timeout(100);
	});
	try {
		const { socket, begun } = stalled(await listen({}, "127.0.0.1:0", endless));
		await begun;
		const closed = new Promise((resolve) => socket.once("close", resolve));
		socket.resume();
		await closed;
		expect(logged.join("")).toContain("did not read the response in time");
		expect(asked).toEqual([TIMES.scrape]);
	} finally {
		spy.mockRestore();
	}
});

test("no more than the limit of connections is open: the one that is idle longest makes room", async () => {
	const listener = await listen();
	const idle = Array.from({ length: LIMITS.scrapeConnections }, () => connect(portOf(listener), "127.0.0.1"));
	await Promise.all(idle.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
	const closed = new Promise((resolve) => idle[0]?.once("close", resolve));
	expect((await ask(listener)).status).toBe(200);
	await closed;
	sockets.push(...idle);
});

test("close does not wait for a client in the middle of a TLS handshake", async () => {
	const { cert, key } = makeCertificates(folder);
	const listener = await listen({ tlsCert: cert, tlsKey: key });
	const socket = connect(portOf(listener), "127.0.0.1");
	await new Promise((resolve) => socket.once("connect", resolve));
	const began = performance.now();
	await listener.close();
	expect(performance.now() - began).toBeLessThan(TIMES.headers / 2);
	sockets.push(socket);
});

test("a scrape that fails is an error for the client and in the log", async () => {
	// biome-ignore lint/correctness/useYield: it fails before the first part
	async function* failing(): AsyncGenerator<string> {
		throw new Error("no such map");
	}
	const listener = await listen({}, "127.0.0.1:0", failing);
	expect(await ask(listener)).toMatchObject({ status: 500, text: "Internal error.\n" });
	expect(logged.join("")).toContain("no such map");
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
