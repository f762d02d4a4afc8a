/** A real DTLS client and server (OpenSSL): an allowed name works, another name sends nothing. */
import { spawn } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { policy } from "../support/policies.ts";
import { SLOW, until } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { Stage } from "../support/stage.ts";
import { WWW4 } from "../support/zones.ts";

const GOOD = "www.good.test";
const BAD = "www.bad.test";
const PORT = 4433;

let stage: Stage;
let said = "";
beforeAll(async () => {
	stage = await Stage.make(policy({ rules: [{ name: "good", to: { domain: "**.good.test", ports: [PORT] } }] }));
	const { world } = stage;
	const { key, cert } = world.certificates;
	const options = ["-dtls", "-accept", `${WWW4}:${PORT}`, "-key", key, "-cert", cert];
	const [command = "", ...args] = world.network.inServer(["openssl", "s_server", ...options]);
	const server = spawn(command, args, { stdio: ["pipe", "pipe", "ignore"], env: cleanEnvironment() });
	server.stdout.on("data", (text) => {
		said += text;
	});
	world.cleanup.defer("DTLS server", () => server.kill("SIGKILL"));
	await until("DTLS is served", 10_000, () => said.includes("ACCEPT"));
});
afterAll(() => stage?.close());

/** The client's output. */
async function connect(host: string, name: string): Promise<string> {
	const options = ["-dtls", "-connect", `${host}:${PORT}`, "-4", "-servername", name, "-brief"];
	const client = ["timeout", String(3 * SLOW), "openssl", "s_client", ...options];
	const { stdout, stderr } = await stage.world.run(["sh", "-c", `echo hello | ${client.join(" ")}`]);
	return stdout + stderr;
}

test("a client reaches an allowed name", async () => {
	expect(await connect(GOOD, GOOD)).toContain("CONNECTION ESTABLISHED");
	const seen = await stage.record({ address: WWW4, port: PORT, verdict: "allow" });
	expect(seen).toMatchObject({ name: GOOD, protocol: "udp", rule: "good" });
});

test("a client sends nothing to the same address under another name", async () => {
	const before = said.length;
	expect(await connect(GOOD, BAD)).not.toContain("CONNECTION ESTABLISHED");
	expect(await stage.record({ address: WWW4, port: PORT, verdict: "deny" })).toMatchObject({ phase: "tls" });
	expect(said.slice(before)).toBe("");
	expect(await connect(BAD, GOOD)).not.toContain("CONNECTION ESTABLISHED");
});
