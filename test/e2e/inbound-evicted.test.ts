/** A flow that a program began does not become inbound when the kernel's table has evicted it and its peer sends. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLIENT4 } from "../support/addresses.ts";
import { NODE } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { end, must, run, until } from "../support/run.ts";
import { Stage } from "../support/stage.ts";

const PEER = "198.19.5.1";
const PEER_PORT = 5997;
const OWN_PORT = 46_020;
const CLIENT = `const s = require("dgram").createSocket("udp4");
const send = (key) => s.send(key, ${PEER_PORT}, "${PEER}", (e) => console.log(JSON.stringify({ [key]: e === null ? "0" : e.code })));
s.on("message", () => send("replied"));
s.bind(${OWN_PORT}, () => send("sent"));`;

let stage: Stage;
const lines: Record<string, unknown>[] = [];
const line = (key: string) => until(`a line with ${key}`, 5_000, () => lines.find((one) => key in one));

beforeAll(async () => {
	stage = await Stage.make(policy({ rules: [{ name: "peer", to: { cidr: PEER } }] }));
	const [command = "", ...args] = stage.world.argv([NODE, "-e", CLIENT]);
	const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
	stage.world.cleanup.defer(`client ${child.pid}`, () => void end(child.pid));
	createInterface({ input: child.stdout }).on("line", (text) => lines.push(JSON.parse(text)));
});
afterAll(() => stage?.close());

/** Forgets every flow, as 65,536 others would. */
function evict(): void {
	const map = join(stage.world.pins, "maps", "flows");
	const flows = JSON.parse(must("bpftool", "-j", "map", "dump", "pinned", map)) as { key: string[] }[];
	expect(flows.length).toBeGreaterThan(0);
	for (const { key } of flows) must("bpftool", "map", "delete", "pinned", map, "key", ...key);
}

test("its next packet is judged by the policy", async () => {
	expect(await line("sent")).toEqual({ sent: "0" });
	evict();
	await stage.daemon.put(policy());
	const knock = `const s=require("dgram").createSocket("udp4");s.bind(${PEER_PORT},"${PEER}",()=>s.send("knock",${OWN_PORT},"${CLIENT4}",()=>s.close()))`;
	await run(stage.world.network.inServer([NODE, "-e", knock]), { timeout: 5_000 });
	expect(await line("replied")).toEqual({ replied: "EACCES" });
});
