/** A UDP server that is older than the daemon: its responses are judged, because earlier traffic of its socket is unknown. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLIENT4, SERVER4 } from "../support/addresses.ts";
import { NODE } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { end, run, until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";

const TCP = 9011;
const UDP = 9012;
const PEER = 5998;
const SERVERS = new URL("../support/clients/servers.ts", import.meta.url).pathname;

let stage: Stage;
const lines: Record<string, unknown>[] = [];

beforeAll(async () => {
	stage = await Stage.make(policy(), { start: false });
	const [command = "", ...args] = stage.world.argv([NODE, SERVERS, TCP, UDP, SERVER4, PORTS.udp].map(String));
	const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
	stage.world.cleanup.defer(`servers ${child.pid}`, () => void end(child.pid));
	createInterface({ input: child.stdout }).on("line", (text) => lines.push(JSON.parse(text)));
	await until("both servers", 10_000, () => lines.filter((one) => "ready" in one).length === 2);
	await stage.daemon.start();
});
afterAll(() => stage?.close());

/** Sends a datagram from outside, and returns the error of the server's answer. */
async function answer(): Promise<unknown> {
	const before = lines.length;
	const program = `const s=require("dgram").createSocket("udp4");s.bind(${PEER},"${SERVER4}",()=>s.send("udp",${UDP},"${CLIENT4}",()=>s.close()))`;
	await run(stage.world.network.inServer([NODE, "-e", program]), { timeout: 5_000 });
	const line = await until("an answer", 5_000, () => lines.slice(before).find((one) => "answered" in one));
	return line.error;
}

test("an answer is sent only if a rule allows its address", async () => {
	expect(await answer()).toBe("EACCES");
	await stage.daemon.put(policy({ rules: [{ name: "clients", to: { cidr: SERVER4, protocol: "udp" } }] }));
	expect(await answer()).toBe("0");
});
