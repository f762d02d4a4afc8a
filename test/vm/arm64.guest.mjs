/** In the guest of arm64.ts, as its first and only program: the kernel takes the programs, and they decide. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { release } from "node:os";

const [ALLOWED, DENIED] = [7001, 7002];
const POLICY = `version: 1
mode: enforce
defaults: { dns: allow, connect: deny, tls: deny }
groups:
  - name: test
    priority: 10
    rules:
      - { name: allowed, action: allow, to: { cidr: 127.0.0.0/8, ports: ${ALLOWED}, protocol: tcp } }
`;

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

function sallyport(...args) {
	const { status, stdout, stderr } = spawnSync("/usr/bin/sallyport", args, { encoding: "utf8" });
	assert.equal(status, 0, stdout + stderr);
	return stdout;
}

/** What came, or the error. */
const reach = (port) =>
	new Promise((resolve) => {
		const socket = connect(port, "127.0.0.1");
		socket.on("data", (data) => resolve(String(data)));
		socket.on("error", ({ code }) => resolve(code));
	});

async function decides() {
	assert.deepEqual([await reach(ALLOWED), await reach(DENIED)], ["data", "EACCES"]);
}

writeFileSync("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
writeFileSync("/etc/sallyport/policy.yaml", POLICY);
for (const port of [ALLOWED, DENIED])
	await new Promise((done) => createServer((socket) => socket.end("data")).listen(port, "127.0.0.1", done));

await check(`${process.arch}, Linux ${release()}: without Sallyport nothing is denied`, async () =>
	assert.deepEqual([await reach(ALLOWED), await reach(DENIED)], ["data", "data"]),
);
await check("the kernel takes all programs, and compiles them", () => {
	const { findings } = JSON.parse(sallyport("doctor", "--json"));
	const of = (name) => findings.find((each) => each.check === name);
	for (const name of ["machine", "programs", "jit"]) assert.equal(of(name).result, "ok", of(name).text);
	return of("programs").text;
});
await check("sallyport attach: a policy decides without a daemon", async () => {
	sallyport("attach", "--anew");
	await decides();
});
process.stdout.write("done\n");
process.exit();
