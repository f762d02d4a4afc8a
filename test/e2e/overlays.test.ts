/** Overlays in the kernel: their order, scope and end, with the daemon and without it. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OverlayDocument } from "../../src/api/overlay-types.ts";
import type { Status } from "../../src/api/status.ts";
import { OpenConnection } from "../support/open-connection.ts";
import { NODE } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { end, SLOW, sleep, until } from "../support/run.ts";
import { cleanEnvironment } from "../support/server.ts";
import { PORTS, Stage } from "../support/stage.ts";

const [FIRST, SECOND, THIRD] = ["198.19.5.1", "198.19.5.2", "198.19.5.3"] as const;
const POLICY = policy({
	rules: [{ name: "no-sink", action: "deny", final: true, to: { ports: PORTS.sink } }],
});
const ECHO = [
	{ name: "echo", action: "allow", to: { cidr: "198.19.5.0/24", ports: [PORTS.echo, PORTS.udp, PORTS.sink] } },
];

let stage: Stage;
beforeAll(async () => {
	stage = await Stage.make(POLICY);
	for (const below of ["agent.service", "other.service"]) stage.world.cgroup.child(below);
});
afterAll(() => stage?.close());

async function overlay(name: string, more: object): Promise<OverlayDocument> {
	const body = JSON.stringify({ name, rules: ECHO, ...more });
	const { status, text } = await stage.daemon.ask("POST", "/v1/overlays", body, "application/json");
	if (status !== 201) throw new Error(`POST /v1/overlays: ${status} ${text}`);
	return JSON.parse(text) as OverlayDocument;
}

const revoke = (name: string) => stage.daemon.ask("DELETE", `/v1/overlays/${name}`);
const echo = async (below: string, at = FIRST) =>
	(await stage.probe(["tcp", at, PORTS.echo, "hello"], { below })).errno;

async function open(address: string, below: string): Promise<OpenConnection> {
	const connection = new OpenConnection(stage.world, address, PORTS.echo, below);
	connection.go();
	await connection.reached("echoed");
	return connection;
}

interface Sent {
	/** Datagrams that left, and that failed. */
	readonly sent: number;
	readonly failed: number;
	/** The last one left. */
	readonly last: boolean;
}

/** A client that sends a datagram every 20 ms from one socket. */
class Datagrams {
	readonly #child: ChildProcess;
	readonly #lines: string[] = [];

	constructor(below: string) {
		const script = `const socket = require("dgram").createSocket("udp4");
			const seen = { sent: 0, failed: 0, last: false };
			socket.bind(0, () => {
				console.log("ready");
				setInterval(() => socket.send("x", ${PORTS.udp}, "${FIRST}", (error) => {
					seen.last = error === null;
					seen[error === null ? "sent" : "failed"]++;
				}), 20);
				process.stdin.on("data", () => console.log(JSON.stringify(seen))).on("end", () => process.exit());
			});`;
		const [command = "", ...args] = stage.world.argv([NODE, "-e", script], below);
		this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: cleanEnvironment() });
		stage.world.cleanup.defer(`datagrams ${this.#child.pid}`, () => void end(this.#child.pid));
		if (this.#child.stdout !== null)
			createInterface({ input: this.#child.stdout }).on("line", (line) => this.#lines.push(line));
	}

	ready(): Promise<string> {
		return this.#line(0);
	}

	async ask(): Promise<Sent> {
		const at = this.#lines.length;
		this.#child.stdin?.write("?");
		return JSON.parse(await this.#line(at)) as Sent;
	}

	close(): void {
		this.#child.stdin?.end();
	}

	#line(at: number): Promise<string> {
		return until("a line of the client", 10_000, () => this.#lines[at]);
	}
}

test("an overlay allows what the default denies, in its scope only, and no final rule", async () => {
	expect(await echo("agent.service")).toBe("EACCES");
	await overlay("agent", { scope: "agent.service" });
	expect(await echo("agent.service")).toBe("0");
	expect(await echo("other.service")).toBe("EACCES");
	const { errno } = await stage.probe(["tcp", FIRST, PORTS.sink], { below: "agent.service" });
	expect(errno, "the final rule").toBe("EACCES");
	expect((await revoke("agent")).status).toBe(204);
	expect(await echo("agent.service")).toBe("EACCES");
});

test("of two overlays with the same rules, records name the one whose scope has the client", async () => {
	await overlay("one", { scope: "agent.service" });
	await overlay("two", { scope: "other.service" });
	const probe = await stage.probe(["tcp", SECOND, PORTS.echo, "hello"], { below: "other.service" });
	const { id } = await stage.record({ pid: probe.pid });
	expect(await stage.daemon.get(`/v1/connections/${id}`)).toMatchObject({ group: "@two", rule: "echo" });
	const status = await stage.daemon.get<Status>("/v1/status");
	expect(status.overlays.map(({ name }) => name)).toEqual(["one", "two"]);
	expect(status.policy.rules).toBe(2);
	const question = { who: { cgroup: "agent.service" }, to: { address: FIRST, port: PORTS.echo } };
	const explained = await stage.daemon.ask("POST", "/v1/policy/explain", JSON.stringify(question), "application/json");
	expect(JSON.parse(explained.text).phases[0]).toMatchObject({ overlay: "one", group: "@one", verdict: "allow" });
	await Promise.all(["one", "two"].map(revoke));
});

test("an overlay that is revoked, or ends, takes its open connections with it, and no others", async () => {
	await overlay("stays", { scope: "other.service" });
	await overlay("revoked", { scope: "agent.service" });
	const [kept, closed] = [await open(FIRST, "other.service"), await open(SECOND, "agent.service")];
	await revoke("revoked");
	await closed.reached("broken");
	await overlay("ends", { scope: "agent.service", for: "2s" });
	const ended = await open(THIRD, "agent.service");
	await ended.reached("broken", 5_000);
	expect(kept.last).toBe("echoed");
	kept.close();
	await revoke("stays");
});

test("a policy file that becomes invalid leaves overlays as they are", async () => {
	await overlay("o", { scope: "agent.service" });
	writeFileSync(stage.daemon.policyFile, "version: 2\n");
	expect((await stage.daemon.ask("POST", "/v1/policy/reload")).status).toBe(422);
	expect(await echo("agent.service")).toBe("0");
	await overlay("p", { scope: "other.service" });
	expect(await echo("other.service"), "above the policy in force").toBe("0");
	writeFileSync(stage.daemon.policyFile, POLICY);
	expect((await stage.daemon.ask("POST", "/v1/policy/reload")).status).toBe(200);
	expect(await echo("other.service")).toBe("0");
	await Promise.all(["o", "p"].map(revoke));
});

test("an overlay ends while the daemon is dead, and with it the flows that only it allowed", async () => {
	await overlay("stays", { scope: "other.service" });
	const [live, other] = [new Datagrams("agent.service"), new Datagrams("other.service")];
	await Promise.all([live.ready(), other.ready()]);
	await overlay("ends", { scope: "agent.service", for: `${LIFE}ms` });
	const passes = performance.now() + LIFE;
	const [kept, ended] = [await open(FIRST, "other.service"), await open(SECOND, "agent.service")];
	stage.daemon.kill();
	expect(await echo("agent.service")).toBe("0");
	const before = await live.ask();
	expect(before).toMatchObject({ last: true });
	expect(performance.now(), "this host is too slow for the test").toBeLessThan(passes);

	await sleep(passes + 100 - performance.now());
	expect(await echo("agent.service"), "a new connection").toBe("EACCES");
	expect(await echo("other.service"), "the same rules in another scope").toBe("0");
	const [first, others] = [await bytes(SECOND), await bytes(FIRST)];
	const datagrams = await live.ask();
	expect(datagrams, "datagrams of an open socket").toMatchObject({ last: false });
	expect(datagrams.sent, "they left until the end").toBeGreaterThan(before.sent);
	await sleep(500);
	expect(await bytes(SECOND), "an open connection").toBe(first);
	expect(first, "it was open before").toBeGreaterThan(0);
	expect(await bytes(FIRST), "one of another scope").toBeGreaterThan(others);
	expect((await live.ask()).sent).toBe(datagrams.sent);
	expect(await other.ask(), "those of another scope").toMatchObject({ last: true });

	await stage.daemon.start();
	await ended.reached("broken", 5_000);
	const { overlays } = await stage.daemon.get<{ overlays: OverlayDocument[] }>("/v1/overlays");
	expect(overlays.map(({ name }) => name)).toEqual(["stays"]);
	expect(kept.last).toBe("echoed");
	for (const client of [kept, live, other]) client.close();
	expect(await echo("other.service")).toBe("0");
	expect(await echo("agent.service")).toBe("EACCES");
});

const bytes = (at: string) => stage.bytesAt({ at, port: PORTS.echo });

/** Of the overlay that ends [ms]. */
const LIFE = 5_000 * SLOW;
