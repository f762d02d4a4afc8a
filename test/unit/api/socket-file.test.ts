/** The unix socket whose file is removed, replaced or taken while the daemon runs. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SocketFile } from "../../../src/api/socket-file.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import { openApi } from "../support/api.ts";
import { FakeServices } from "../support/services.ts";
import { TableHarness } from "../support/table-harness.ts";

let folder: string;
let path: string;
let lines: string[];
let app: FastifyInstance;
let file: SocketFile;
const log = jsonLogger((line) => void lines.push(line));

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	path = join(folder, "run/api.sock");
	lines = [];
	app = await openApi(new FakeServices(new TableHarness()));
	file = new SocketFile({ path, gid: process.getgid?.() ?? 0, log });
	await file.open(app);
});
afterEach(async () => {
	file.close();
	await app.close();
	rmSync(folder, { recursive: true, force: true });
});

function ask(): Promise<number | string> {
	const { promise, resolve } = Promise.withResolvers<number | string>();
	request({ socketPath: path, path: "/healthz", agent: false }, (response) => {
		response.resume();
		resolve(response.statusCode ?? 0);
	})
		.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""))
		.end();
	return promise;
}

test.each([
	["removed", () => rmSync(path)],
	["removed with its folder", () => rmSync(join(folder, "run"), { recursive: true })],
	[
		"replaced by a file",
		() => {
			rmSync(path);
			writeFileSync(path, "");
		},
	],
])("a socket that is %s is made again, as often as it happens", async (_what, harm) => {
	for (let round = 0; round < 3; round++) {
		harm();
		expect(await ask()).not.toBe(200);
		await file.look();
		expect([await ask(), file.problem]).toEqual([200, null]);
		expect(statSync(path).mode & 0o777).toBe(0o660);
	}
	expect(lines.filter((line) => line.includes("removed or replaced"))).toHaveLength(3);
	expect(lines.filter((line) => line.includes("there again"))).toHaveLength(3);
	await app.close();
	expect(await ask()).not.toBe(200);
});

test("a socket that is as it was is left alone, also if its mode was changed", async () => {
	chmodSync(path, 0o600);
	await file.look();
	expect(statSync(path).mode & 0o777).toBe(0o600);
	expect(lines).toEqual([]);
});

test("while it cannot be made again the problem says why, is logged once, and ends when it can", async () => {
	rmSync(join(folder, "run"), { recursive: true });
	writeFileSync(join(folder, "run"), "in the way");
	for (let round = 0; round < 3; round++) await file.look();
	expect(file.problem).toMatch(/was removed or replaced, and cannot be made again: .*run/);
	expect(lines).toHaveLength(2);
	rmSync(join(folder, "run"));
	await file.look();
	expect([await ask(), file.problem]).toEqual([200, null]);
});

test("a socket on which another process listens is not taken away from it", async () => {
	rmSync(path);
	const other = createServer().listen(path);
	await new Promise((resolve) => other.once("listening", resolve));
	await file.look();
	expect(file.problem).toContain("another process listens there");
	const late = new SocketFile({ path, gid: null, log });
	const second = await openApi(new FakeServices(new TableHarness()));
	await expect(late.open(second)).rejects.toMatchObject({
		code: "LISTEN_FAILED",
		message: `The API cannot listen on ${path}: another process listens there.`,
	});
	await second.close();
	await new Promise((resolve) => other.close(resolve));
});

test("a daemon that ends removes its own file, and no other", async () => {
	file.close();
	expect(existsSync(path)).toBe(false);
	mkdirSync(join(folder, "run"), { recursive: true });
	writeFileSync(path, "another's");
	file.close();
	expect(existsSync(path)).toBe(true);
});
