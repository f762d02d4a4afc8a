/** Limits: another user, a body of 100 MB, 10,000 idle connections. Tokens are in access.test.ts. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LIMITS } from "../../../src/base/config.ts";
import { ableAsRoot } from "../../support/able.ts";
import { fill, openApi, openSocket } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let folder: string;
let socketPath: string;
let services: FakeServices;
let app: FastifyInstance;

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	chmodSync(folder, 0o755);
	socketPath = join(folder, "api.sock");
	const harness = new TableHarness();
	services = new FakeServices(harness);
	fill(harness);
	app = await openApi(services);
	await openSocket(app, socketPath, null);
});
afterEach(async () => {
	await app.close();
	rmSync(folder, { recursive: true, force: true });
});

interface Reply {
	readonly status: number;
	readonly body: string;
}

function ask(path: string): Promise<Reply> {
	const { promise, resolve, reject } = Promise.withResolvers<Reply>();
	request({ socketPath, path, agent: false }, (response) => {
		let body = "";
		response.setEncoding("utf8").on("data", (part) => {
			body += part;
		});
		response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
	})
		.on("error", reject)
		.end();
	return promise;
}

/** Sends a body until there is a response or the connection ends; returns the status and the bytes sent. */
function pour(path: string, method: string, bytes: number, length: boolean): Promise<{ status: number; sent: number }> {
	const { promise, resolve } = Promise.withResolvers<{ status: number; sent: number }>();
	const chunk = Buffer.alloc(256 * 1024, "x");
	let sent = 0;
	let status = 0;
	const headers: Record<string, string | number> = { "content-type": "application/yaml" };
	if (length) headers["content-length"] = bytes;
	const asked = request({ socketPath, method, path, headers, agent: false }, (response) => {
		status = response.statusCode ?? 0;
		response.resume();
		response.on("close", () => resolve({ status, sent }));
	});
	asked.on("error", () => resolve({ status, sent }));
	const more = () => {
		while (sent < bytes && !asked.destroyed && status === 0) {
			sent += chunk.length;
			if (!asked.write(chunk)) return;
		}
		asked.end();
	};
	asked.on("drain", more);
	more();
	return promise;
}

test.each([
	["PUT", "/v1/policy", true],
	["PUT", "/v1/policy", false],
	["POST", "/v1/policy/check", false],
	["POST", "/v1/policy/explain", true],
])(
	"%s %s with a body of 100 MB is refused and costs no memory (content-length: %s)",
	async (method, path, lengthGiven) => {
		const before = process.memoryUsage().rss;
		const { status } = await pour(path, method, 100 * 1024 * 1024, lengthGiven);
		/* The client may see the end of the connection before the response. */
		expect([413, 415, 0]).toContain(status);
		expect(services.loads).toEqual([]);
		expect(process.memoryUsage().rss - before).toBeLessThan(120 * 1024 * 1024);
		expect((await ask("/healthz")).status).toBe(200);
	},
);

test("a policy in pieces of one byte is refused, and costs no memory", async () => {
	const before = process.memoryUsage().rss;
	const socket = connect(socketPath);
	let answer = "";
	socket
		.on("error", () => {})
		.on("data", (part) => {
			answer += part;
		});
	socket.write(
		"POST /v1/policy/check HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/yaml\r\ntransfer-encoding: chunked\r\n\r\n",
	);
	const pieces = Buffer.from("1\r\n#\r\n".repeat(100_000));
	for (let sent = 0; sent < 20 && answer === ""; sent++) {
		socket.write(pieces);
		await sleep(20);
	}
	await expect.poll(() => answer).toContain("400 Bad Request");
	socket.destroy();
	expect(process.memoryUsage().rss - before).toBeLessThan(60 * 1024 * 1024);
	expect((await ask("/healthz")).status).toBe(200);
});

test("of many policies that are sent at a time, some wait at their sender", async () => {
	const sockets = Array.from({ length: LIMITS.policiesRead + 1 }, () => {
		const socket = connect(socketPath).on("error", () => {});
		socket.write(
			"POST /v1/policy/check HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/yaml\r\ncontent-length: 100\r\n\r\nversion",
		);
		return socket;
	});
	const [first] = await Promise.race(sockets.map((socket) => once(socket, "data")));
	expect(String(first)).toContain("503 Service Unavailable");
	for (const socket of sockets) socket.destroy();
	const check = {
		method: "POST",
		url: "/v1/policy/check",
		headers: { "content-type": "text/yaml" },
		payload: "a",
	} as const;
	await expect.poll(async () => (await app.inject(check)).statusCode).toBe(200);
});

test("the limits of bodies: 4 MiB for a policy, 64 KiB for anything else", async () => {
	const send = (method: "PUT" | "POST", url: string, type: string, bytes: number) =>
		app.inject({ method, url, headers: { "content-type": type }, payload: "x".repeat(bytes) });
	expect((await send("PUT", "/v1/policy", "application/yaml", LIMITS.policyBytes)).statusCode).toBe(200);
	const large = await send("PUT", "/v1/policy", "application/yaml", LIMITS.policyBytes + 1);
	expect(large.json()).toMatchObject({ type: "urn:sallyport:problem:too-large", status: 413 });
	expect((await send("POST", "/v1/policy/explain", "application/json", 64 * 1024 + 1)).statusCode).toBe(413);
	expect((await send("PUT", "/v1/policy", "application/octet-stream", 1)).statusCode).toBe(415);
});

test("an idle connection is closed, one that waits for the daemon is not", async () => {
	app.server.timeout = 200;
	services.policy.load = async () => {
		await sleep(1_000);
		return { ok: false, problems: [] };
	};
	const idle = connect(socketPath);
	const hungUp = once(idle.resume(), "end");
	const { status } = await pour("/v1/policy", "PUT", 256 * 1024, true);
	expect(status).toBe(422);
	await hungUp;
});

test("10,000 idle connections use little memory, and other clients still connect", { timeout: 60_000 }, async () => {
	const sockets = new Set<Socket>();
	let most = 0;
	const before = process.memoryUsage().rss;
	for (let opened = 0; opened < 10_000; ) {
		const batch = Array.from({ length: 100 }, () => {
			const { promise, resolve } = Promise.withResolvers<void>();
			const socket = connect(socketPath, resolve);
			socket.on("error", () => resolve());
			socket.on("close", () => sockets.delete(socket));
			sockets.add(socket);
			return promise;
		});
		await Promise.all(batch);
		opened += batch.length;
		most = Math.max(most, await connectionsOf(app));
		if (opened % 1_000 === 0) expect((await ask("/v1/connections")).status).toBe(200);
	}
	expect(most).toBeLessThanOrEqual(LIMITS.apiConnections + 1);
	expect((await ask("/v1/connections")).status).toBe(200);
	expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
	for (const socket of sockets) socket.destroy();
});

test("a client above its rate gets Retry-After", async () => {
	const slow = await openApi(services, { requests: 5 });
	const replies = [];
	for (let index = 0; index < 8; index++) replies.push(await slow.inject("/v1/status"));
	const limited = replies.at(-1);
	expect(replies.filter(({ statusCode }) => statusCode === 200)).toHaveLength(5);
	expect(limited?.headers["retry-after"]).toBe("1");
	expect(limited?.headers["content-type"]).toBe("application/problem+json");
	expect(limited?.json()).toMatchObject({ type: "urn:sallyport:problem:too-many-requests", status: 429 });
	await slow.close();
});

test.runIf(ableAsRoot())("the socket refuses other users and accepts its group", async () => {
	await app.close();
	app = await openApi(services);
	const GROUP = 54_321;
	await openSocket(app, socketPath, GROUP);
	const script = `require("net").connect(${JSON.stringify(socketPath)}).on("error", (e) => { console.log(e.code); process.exit() }).on("connect", () => { console.log("connected"); process.exit() })`;
	/* Changes its user after it has started: the other user may be unable to read the Node binary. */
	const as = (uid: number, gid: number) =>
		spawnSync(
			process.execPath,
			["-e", `process.setgroups([]);process.setgid(${gid});process.setuid(${uid});${script}`],
			{
				encoding: "utf8",
				cwd: "/",
			},
		).stdout.trim();
	/* spawnSync blocks the event loop; the kernel completes the connection nevertheless. */
	expect(as(65_534, 65_534)).toBe("EACCES");
	expect(as(65_534, GROUP)).toBe("connected");
});

function connectionsOf({ server }: FastifyInstance): Promise<number> {
	const { promise, resolve } = Promise.withResolvers<number>();
	server.getConnections((_error, count) => resolve(count));
	return promise;
}

test("a part that takes more than 10 s, the default limit of Fastify, does not fail the start", async () => {
	const slow = await openApi(services);
	slow.register(() => new Promise((resolve) => setTimeout(resolve, 10_500)));
	await slow.ready();
	await slow.close();
}, 60_000);
