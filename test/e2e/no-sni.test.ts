/** Database clients that send no server name: the denial says so, and the rule that it shows allows them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NODE } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { end } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { Stage } from "../support/stage.ts";
import { ZONE } from "../support/zones.ts";

const HOST = "db.good.test";
const HOST4 = "198.19.42.1";
const POLICY = policy({ rules: [{ name: "db", to: { domain: HOST, ports: [6379, 5432, 3306] } }] });

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(POLICY);
	const { world } = stage;
	await world.server.zone({ ...ZONE, [HOST]: [{ type: "A", data: HOST4 }] });
	const stubs = join(import.meta.dirname, "../support/database-stubs.ts");
	const { key, cert } = world.certificates;
	const [command = "", ...args] = world.network.inServer([NODE, stubs, key, cert]);
	const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env: cleanEnvironment() });
	world.cleanup.defer(`database stubs ${child.pid}`, () => void end(child.pid));
	await once(child.stdout, "data");
});
afterAll(() => stage?.close());

test.each([
	["redis-cli", 6379, ["redis-cli", "-h", HOST, "--tls", "--insecure", "ping"]],
	["psql", 5432, ["psql", `host=${HOST} sslmode=require sslsni=0 user=u dbname=d connect_timeout=3`, "-c", "do $$ $$"]],
	["mariadb", 3306, ["mariadb", "-h", HOST, "-u", "u", "--ssl", "--connect-timeout=3", "-e", "do 1"]],
] as const)("%s", async (process, remotePort, argv) => {
	await stage.daemon.put(POLICY);
	const run = () => stage.world.run(["timeout", "5", ...argv]);
	expect((await run()).code, "denied").not.toBe(0);
	const denied = await stage.record({ address: HOST4, port: remotePort, verdict: "deny", reason: "name_missing" });
	const { text } = await stage.daemon.ask("GET", `/v1/connections/${denied.id}`);
	const { remedy, name, process: client } = JSON.parse(text);
	expect([name, client.comm]).toEqual([HOST, process]);
	expect(remedy.text).toContain(
		`The client sent no name. Phase connect has allowed the address, because DNS gave it for ${HOST}`,
	);
	const group = `  - name: pasted\n    rules:\n      ${remedy.rule}\n`;
	await stage.daemon.put(`${yaml(POLICY)}${group}`);
	expect((await run()).code, remedy.rule).toBe(0);
	expect((await stage.probe(["tcp", "198.19.9.9", remotePort])).errno, "another address").toBe("EACCES");
});

test.each([
	["redis-cli --sni", ["redis-cli", "-h", HOST, "--tls", "--insecure", "--sni", HOST, "ping"]],
	["psql, which sends the name by default", ["psql", `host=${HOST} sslmode=require user=u dbname=d`, "-c", "do $$ $$"]],
] as const)("a client that sends the name needs no such rule: %s", async (_, argv) => {
	await stage.daemon.put(POLICY);
	expect((await stage.world.run(["timeout", "5", ...argv])).code).toBe(0);
});

/* As a user would write it, so that a line can be pasted at the end. */
function yaml(text: string): string {
	const { groups, ...rest } = JSON.parse(text);
	const lines = Object.entries(rest).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
	return `${lines.join("")}groups:\n${groups.map((each: object) => `  - ${JSON.stringify(each)}\n`).join("")}`;
}
