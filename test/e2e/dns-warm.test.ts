/** Names resolved before the daemon started: by a program that caches them, and by a cache on the host. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { DNS4 } from "../support/addresses.ts";
import { question } from "../support/dns-message.ts";
import { NODE } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { end, until } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { PORTS, Stage } from "../support/stage.ts";
import { EDGE4, WWW4 } from "../support/zones.ts";

const STUB = "127.0.0.53";
const POLICY = policy({
	rules: [{ name: "good", to: { domain: ["www.good.test", "api.good.test"], ports: PORTS.sink } }],
	more: { resolvers: [DNS4, STUB] },
});

let stage: Stage | null = null;
afterEach(() => {
	stage?.close();
	stage = null;
});

const message = (id: number, name: string) => question(id, [{ name }]).toString("hex");

/** A program that resolves before the daemon starts, and connects afterwards. */
async function resolvedBefore(flags: readonly string[]): Promise<readonly string[]> {
	const own = await Stage.make(POLICY, { start: false, flags });
	stage = own;
	const sign = join(own.world.folder, "go");
	const client = own.dns({
		...{ via: "udp", server: DNS4, messages: [message(1, "www.good.test")], answers: 1 },
		connect: [[WWW4, PORTS.sink]],
		until: sign,
	});
	await until("the program has asked", 5_000, async () => (await own.world.server.asked()).length > 0 || undefined);
	own.daemon.inClient = true;
	await own.daemon.start();
	if (flags.includes("resolve"))
		await until(
			"names are resolved",
			5_000,
			() => own.daemon.log().includes("names of the policy resolved") || undefined,
		);
	writeFileSync(sign, "");
	return (await client).connects;
}

test("a program may use a name that it resolved before the daemon started, because the daemon resolves the policy's names", async () => {
	expect(await resolvedBefore(["--warm-up", "resolve"])).toEqual(["ok"]);
});

test("without warm-up it is denied until it resolves the name again", async () => {
	expect(await resolvedBefore(["--warm-up", "none"])).toEqual(["EACCES"]);
	const again = await stage?.dns({
		...{ via: "udp", server: DNS4, messages: [message(2, "www.good.test")], answers: 1 },
		connect: [[WWW4, PORTS.sink]],
	});
	expect(again?.connects).toEqual(["ok"]);
});

test("names of a later policy are resolved too", async () => {
	const nothing = policy({ rules: [{ name: "other", to: { ports: 9 } }], more: { resolvers: [DNS4] } });
	stage = await Stage.make(nothing, { start: false, flags: ["--warm-up", "resolve"] });
	stage.daemon.inClient = true;
	await stage.daemon.start();
	await stage.daemon.put(POLICY);
	await until(
		"names are resolved",
		5_000,
		() => stage?.daemon.log().includes("names of the policy resolved") || undefined,
	);
	expect(await stage.probe(["tcp", WWW4, PORTS.sink])).toMatchObject({ errno: "0" });
});

test("a warm cache on the host: addresses are learned from its answers to programs, and each query has its process", async () => {
	const own = await Stage.make(POLICY, { start: false });
	stage = own;
	const stub = await startStub(own);
	const ask = (id: number, name: string, address: string) =>
		own.dns({
			...{ via: "udp", server: STUB, messages: [message(id, name)], answers: 1 },
			connect: [[address, PORTS.sink]],
		});
	expect((await ask(1, "www.good.test", WWW4)).connects, "no daemon yet").toEqual(["ok"]);
	await own.daemon.start();
	await own.world.server.clear();

	const warm = await ask(2, "www.good.test", WWW4);
	expect(warm.connects).toEqual(["ok"]);
	expect(await own.world.server.asked(), "answered from the cache").toEqual([]);
	expect(await own.record({ kind: "dns", name: "www.good.test", address: STUB, pid: warm.pid })).toBeDefined();
	expect(await own.record({ kind: "connection", address: WWW4, name: "www.good.test", pid: warm.pid })).toBeDefined();

	const cold = await ask(3, "api.good.test", EDGE4);
	expect(cold.connects).toEqual(["ok"]);
	expect(await own.record({ kind: "dns", name: "api.good.test", address: STUB, pid: cold.pid })).toBeDefined();
	expect(
		await own.record({ kind: "dns", name: "api.good.test", address: DNS4, pid: stub.pid ?? 0, unit: "stub.service" }),
	).toBeDefined();
});

async function startStub({ world }: Stage): Promise<ChildProcess> {
	const script = join(import.meta.dirname, "../support/clients/dns-stub.ts");
	const [command = "", ...args] = world.argv([NODE, script, STUB, DNS4], "system.slice/stub.service");
	const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env: cleanEnvironment() });
	world.cleanup.defer(`stub ${child.pid}`, () => void end(child.pid));
	if (child.stdout !== null) await once(child.stdout, "data");
	return child;
}
