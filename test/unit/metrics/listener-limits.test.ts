import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import { LIMITS, TIMES } from "../../../src/base/config.ts";
import type { MetricsListener } from "../../../src/metrics/listener.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { NODE } from "../../support/paths.ts";
import { ask, file, folder, listen, logged, portOf, sockets, TOKEN, useListeners } from "./listening.ts";

useListeners();
const children: ChildProcess[] = [];
afterEach(() => {
	for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** An endless response. `made`: number of its parts so far. */
let made = 0;
async function* endless() {
	for (;;) {
		made++;
		yield "x".repeat(65_536);
	}
}

/** A client that stops reading after the first bytes of a scrape. `begun` rejects if the status is not 200. */
function stalled(listener: MetricsListener): { socket: Socket; begun: Promise<void> } {
	const socket = connect(portOf(listener), "127.0.0.1");
	sockets.push(socket);
	socket.write("GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
	const begun = new Promise<void>((resolve, reject) => {
		socket.once("data", (bytes) => {
			socket.pause();
			if (bytes.toString("latin1").startsWith("HTTP/1.1 200")) resolve();
			else reject(new Error(bytes.toString("latin1")));
		});
	});
	return { socket, begun };
}

test("requests per second of one client are limited", async () => {
	const listener = await listen({ tokenFile: file("token", TOKEN) });
	const guesses = Array.from({ length: LIMITS.scrapeRequests + 10 }, (_, i) => `Bearer ${TOKEN}${i}`);
	const statuses = await Promise.all(
		guesses.map(async (authorization) => (await ask(listener, { authorization })).status),
	);
	expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(LIMITS.scrapeRequests);
	expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
});

test("an unread response is not generated further, and too many scrapes of one client at a time are refused", async () => {
	const listener = await listen({}, "127.0.0.1:0", endless);
	const clients = Array.from({ length: LIMITS.scrapesEach }, () => stalled(listener));
	await Promise.all(clients.map(({ begun }) => begun));
	await new Promise((resolve) => setTimeout(resolve, 200));
	const before = made;
	await new Promise((resolve) => setTimeout(resolve, 200));
	expect(made).toBe(before);
	const refused = await ask(listener);
	expect(refused).toMatchObject({ status: 503, text: "Too many requests at a time: the limit of one client is 2.\n" });
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

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("SKIPPED: not root, so clients of other users are not tested");
test.skipIf(!isRoot)("connections and scrapes that other users hold do not shut out Prometheus", async () => {
	const listener = await listen({}, "127.0.0.1:0", endless);
	const hold = (uid: number, text: string) => {
		const script = `process.setuid(${uid}); for (let i = 0; i < 40; i++) require("net").connect(${portOf(listener)}, "127.0.0.1")
			.on("error", () => {}).once("data", function () { this.pause(); }).write(${JSON.stringify(text)}); console.log("held")`;
		const child = spawn(NODE, ["-e", script], { cwd: "/", stdio: ["ignore", "pipe", "inherit"] });
		children.push(child);
		return once(child.stdout, "data");
	};
	await hold(65_534, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n");
	await hold(1_000, "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n");
	await hold(1_001, "GET /metrics HTTP/1.1\r\nhost: ");
	await hold(1_002, "POST /metrics HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n");
	await new Promise((resolve) => setTimeout(resolve, 1_000));
	for (let scrape = 0; scrape < 5; scrape++) {
		const { socket, begun } = stalled(listener);
		await begun;
		socket.destroy();
	}
});

test.each([
	["localhost", 200],
	["127.0.0.1:9441", 200],
	["[::1]:9441", 200],
	["attacker.example", 421],
	["localhost.attacker.example:9441", 421],
	["127.0.0.1.attacker.example", 421],
])("Host %s is answered %i", async (host, status) => {
	const { status: answered, text } = await ask(await listen(), { host });
	expect([answered, text.includes("up 1")]).toEqual([status, status === 200]);
});

test("a request that a browser sends for a page of another site is refused", async () => {
	const { status, text } = await ask(await listen(), { headers: { "sec-fetch-site": "cross-site" } });
	expect([status, text]).toEqual([403, "Requests by pages of other sites are refused.\n"]);
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
