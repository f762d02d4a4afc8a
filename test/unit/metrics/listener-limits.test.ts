import { connect, type Socket } from "node:net";
import { expect, test, vi } from "vitest";
import { LIMITS, TIMES } from "../../../src/base/config.ts";
import type { MetricsListener } from "../../../src/metrics/listener.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { ask, file, folder, listen, logged, portOf, sockets, TOKEN, useListeners } from "./listening.ts";

useListeners();

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

test("requests per second of one client are limited", async () => {
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
