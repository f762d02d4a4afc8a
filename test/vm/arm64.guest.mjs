/** The only program of the guest of arm64.ts. It checks that the kernel loads the BPF programs and that they enforce. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { release } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const [ALLOWED, DENIED] = [7001, 7002];
const SOCKET = "/run/sallyport/sallyport.sock";
/* ms. An emulated machine needs seconds to start Node. */
const STARTED = 180_000;
const POLICY = `version: 1
mode: enforce
defaults: { dns: allow, connect: deny, tls: deny }
groups:
  - name: test
    priority: 10
    rules:
      - { name: allowed, action: allow, to: { cidr: 127.0.0.0/8, ports: ${ALLOWED}, protocol: tcp } }
`;

/** @param {string} name @param {() => unknown} body */
async function check(name, body) {
	const started = performance.now();
	const result = await Promise.resolve()
		.then(body)
		.then(
			(detail) => ({ ok: true, detail: detail ?? "" }),
			(error) => ({ ok: false, detail: error.message }),
		);
	process.stdout.write(`${JSON.stringify({ name, ...result, ms: Math.round(performance.now() - started) })}\n`);
}

/** @param {string[]} args */
function sallyport(...args) {
	const { status, stdout, stderr } = spawnSync("/usr/bin/sallyport", args, { encoding: "utf8" });
	assert.equal(status, 0, stdout + stderr);
	return stdout;
}

/** @param {string} path @returns {Promise<unknown>} */
const ask = (path) =>
	new Promise((resolve, reject) => {
		const asked = request({ socketPath: SOCKET, path }, async (answer) => {
			try {
				resolve(JSON.parse(Buffer.concat(await answer.toArray()).toString()));
			} catch (error) {
				reject(error);
			}
		});
		asked.once("error", reject).end();
	});

/** The data received, or the error's code. @param {number} port */
const reach = (port) =>
	new Promise((resolve) => {
		const socket = connect(port, "127.0.0.1");
		socket.on("data", (data) => resolve(String(data)));
		socket.on("error", (/** @type {NodeJS.ErrnoException} */ { code }) => resolve(code));
	});

async function decides() {
	assert.deepEqual([await reach(ALLOWED), await reach(DENIED)], ["data", "EACCES"]);
}

writeFileSync("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
writeFileSync("/etc/sallyport/policy.yaml", POLICY);
for (const port of [ALLOWED, DENIED])
	await once(createServer((socket) => socket.end("data")).listen(port, "127.0.0.1"), "listening");

await check(`${process.arch}, Linux ${release()}: without Sallyport nothing is denied`, async () =>
	assert.deepEqual([await reach(ALLOWED), await reach(DENIED)], ["data", "data"]),
);
await check("the kernel loads all programs, and compiles them", () => {
	/** @type {{ findings: { check: string, result: string, text: string }[] }} */
	const { findings } = JSON.parse(sallyport("doctor", "--json"));
	for (const name of ["machine", "programs", "jit"]) {
		const finding = findings.find((each) => each.check === name);
		assert.equal(finding?.result, "ok", finding?.text);
	}
	return findings.find((each) => each.check === "programs")?.text;
});
await check("sallyport attach: a policy decides without a daemon", async () => {
	sallyport("attach", "--anew");
	await decides();
});
await check("sallyport run: adopts it, records a denial with its process, and ends", async () => {
	const daemon = spawn("/usr/bin/sallyport", ["run", "--warm-up", "none"], { stdio: ["ignore", "ignore", "pipe"] });
	let log = "";
	daemon.stderr.on("data", (part) => (log += part));
	const ended = once(daemon, "exit");
	const began = performance.now();
	while (!existsSync(SOCKET)) {
		assert.ok(daemon.exitCode === null && performance.now() - began < STARTED, `no ${SOCKET}: ${log}`);
		await sleep(200);
	}
	const started = performance.now() - began;
	const { adopted, policy } = /** @type {import("../../src/api/status.ts").Status} */ (await ask("/v1/status"));
	assert.deepEqual([adopted, policy.mode], [true, "enforce"]);
	await decides();
	const { connections } = /** @type {{ connections: { process: { pid: number, exe: string }, reason: string }[] }} */ (
		await ask(`/v1/connections?verdict=deny&port=${DENIED}`)
	);
	const [denied] = connections;
	assert.deepEqual([denied?.process.pid, denied?.reason], [process.pid, "default"]);
	daemon.kill();
	assert.deepEqual(await ended, [0, null], log);
	return `API after ${(started / 1000).toFixed(1)} s; ${denied?.process.exe}`;
});
process.stdout.write("done\n");
process.exit();
