/** Secrets of command lines, from a real process to everything that keeps or shows records. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Daemon } from "../support/daemon.ts";
import { policy } from "../support/policies.ts";
import { freePort } from "../support/prometheus.ts";
import { PORTS, parse } from "../support/stage.ts";
import { World } from "../support/world.ts";

const SECRET = "hunter2Sesame";
let world: World;
beforeAll(async () => {
	world = await World.make();
	await world.server.listen("echo", PORTS.echo);
});
afterAll(() => world?.close());

interface Page {
	readonly connections: readonly {
		readonly process: { readonly pid: number; readonly args: readonly string[] } | null;
	}[];
}

/** The arguments of a process with secrets, as the socket and TCP show them, and all that the daemon wrote. */
async function seen(args: string | null) {
	const address = `127.0.0.1:${await freePort()}`;
	const flags = ["--listen", address, "--log-connections", ...(args === null ? [] : ["--args", args])];
	const before = existsSync(join(world.folder, "daemon.log")) ? statSync(join(world.folder, "daemon.log")).size : 0;
	const daemon = await Daemon.start(world, policy({ defaults: { connect: "allow" } }), flags);
	const argv = [
		world.client("probe"),
		"tcp",
		"198.19.5.1",
		String(PORTS.echo),
		"name",
		`--password=${SECRET}`,
		`https://a:${SECRET}@b/`,
	];
	const { pid } = parse<{ pid: number }>((await world.run(argv)).stdout);
	const argumentsOf = ({ connections }: Page) => connections.find(({ process }) => process?.pid === pid)?.process?.args;
	const bySocket = argumentsOf(await daemon.get<Page>("/v1/connections?kind=connection"));
	const byTcp = argumentsOf((await (await fetch(`http://${address}/v1/connections?kind=connection`)).json()) as Page);
	daemon.stop();
	const state = join(world.folder, "state");
	const files = readdirSync(state).filter((name) => statSync(join(state, name)).isFile());
	const written = files.map((name) => readFileSync(join(state, name), "latin1")).join("");
	return {
		bySocket,
		byTcp,
		written,
		log: readFileSync(daemon.logFile).subarray(before).toString(),
		files: files.map((name) => join(state, name)),
	};
}

test("by default no secret of a command line is in the history, the log or an answer", async () => {
	const { bySocket, byTcp, written, log, files } = await seen(null);
	expect(bySocket?.slice(-2)).toEqual(["--password=***", "https://a:***@b/"]);
	expect(byTcp).toEqual([]);
	expect(written).toContain("--password=***");
	expect(log).toContain("--password=***");
	expect(written + log).not.toContain(SECRET);
	for (const file of files.filter((each) => each.includes("history.db")))
		expect(statSync(file).mode & 0o007, file).toBe(0);
});

test("--args none keeps no arguments, and --args full all of them", async () => {
	const none = await seen("none");
	expect(none.bySocket).toEqual([]);
	expect(none.log).not.toContain("--password");
	const full = await seen("full");
	expect(full.bySocket?.slice(-2)).toEqual([`--password=${SECRET}`, `https://a:${SECRET}@b/`]);
	expect(full.byTcp).toEqual([]);
	expect(full.written).toContain(SECRET);
});
