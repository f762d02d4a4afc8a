/** Replies are not egress: servers keep working under a policy that denies everything, and a client's port is not a server. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLIENT4, SERVER4 } from "../support/addresses.ts";
import { NODE } from "../support/paths.ts";
import { policy } from "../support/policies.ts";
import { end, run, until } from "../support/run.ts";
import { PORTS, Stage } from "../support/stage.ts";

const ALLOWED = "198.19.5.1";
const TCP = 9001;
const UDP = 9002;
const SERVERS = new URL("../support/clients/servers.ts", import.meta.url).pathname;

let stage: Stage;
const lines: Record<string, unknown>[] = [];
const line = (key: string) => until(`a line with ${key}`, 5_000, () => lines.find((one) => key in one));

beforeAll(async () => {
	const allowed = { name: "one", to: { cidr: `${ALLOWED}/32`, ports: PORTS.udp, protocol: "udp" } };
	stage = await Stage.make(policy({ rules: [allowed] }));
	const [command = "", ...args] = stage.world.argv([NODE, SERVERS, TCP, UDP, ALLOWED, PORTS.udp].map(String));
	const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
	stage.world.cleanup.defer(`servers ${child.pid}`, () => void end(child.pid));
	createInterface({ input: child.stdout }).on("line", (text) => lines.push(JSON.parse(text)));
	await until("both servers", 10_000, () => lines.filter((one) => "ready" in one).length === 2);
});
afterAll(() => stage?.close());

/** A Node program in the server's namespace, which is not watched. */
async function outside(program: string): Promise<string> {
	return (await run(stage.world.network.inServer([NODE, "-e", program]), { timeout: 5_000 })).stdout;
}

test("a TCP server inside answers a client outside", async () => {
	const said = await outside(
		`const s=require("net").connect(${TCP},"${CLIENT4}",()=>s.write("tcp"));s.pipe(process.stdout)`,
	);
	expect(said).toBe("answer tcp");
});

test("a UDP server inside answers a client outside, but may not begin its own flow", async () => {
	const said = await outside(
		`const s=require("dgram").createSocket("udp4",m=>{process.stdout.write(m);s.close()});s.send("udp",${UDP},"${CLIENT4}")`,
	);
	expect(said).toBe("answer udp");
	expect(await line("answered")).toMatchObject({ answered: SERVER4, error: "0" });
});

test("an unsolicited datagram to a client's ephemeral port allows no egress", async () => {
	const { client, error } = (await line("client")) as { client: number; error: string };
	expect(error).toBe("0");
	await outside(
		`const s=require("dgram").createSocket("udp4");s.bind(5999,"${SERVER4}",()=>s.send("knock",${client},"${CLIENT4}",()=>s.close()))`,
	);
	expect(await line("replied")).toMatchObject({ replied: SERVER4, error: "EACCES" });
});
