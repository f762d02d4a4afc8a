import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Kernel, SocketName } from "../../src/native/binding.ts";
import { addNamespace, NETNS_PREFIX } from "../support/netns.ts";
import { NODE_COMMAND } from "../support/paths.ts";
import { end, must, until } from "../support/run.ts";
import { Scratch } from "./scratch.ts";

const ENOENT = 2;
const MAPPED = Buffer.from("00000000000000000000ffff7f000001", "hex");
const LOOPBACK6 = Buffer.from("00000000000000000000000000000001", "hex");

let scratch: Scratch;
let kernel: Kernel;
beforeAll(() => {
	scratch = new Scratch();
	kernel = scratch.load({ detached: true });
});
afterAll(() => scratch.close());

test.each([
	["IPv4", "127.0.0.1", MAPPED],
	["IPv6", "::1", LOOPBACK6],
	["an IPv6 socket to a v4-mapped address", "::ffff:127.0.0.1", MAPPED],
])("%s: the application sees ECONNABORTED at once, and the socket is gone", async (_, host, address) => {
	const connection = await Connection.open(host);
	const socket = connection.name(address);
	expect(await kernel.destroySocket(socket)).toBe(0);
	expect(await connection.outcome).toBe("ECONNABORTED");
	expect(await kernel.destroySocket(socket)).toBe(ENOENT);
});

test("a socket in another network namespace is destroyed there, and not looked up in the caller's", async () => {
	const netns = addNamespace(`${NETNS_PREFIX}${process.pid}-destroy`, scratch.cleanup);
	const connection = await Connection.open("127.0.0.1", netns);
	const socket = connection.name(MAPPED);
	expect(await kernel.destroySocket(socket)).toBe(ENOENT);
	expect(await kernel.destroySocket({ ...socket, netns: `/run/netns/${netns}` })).toBe(0);
	expect(await connection.outcome).toBe("ECONNABORTED");
});

test("another socket with the same addresses is not destroyed, because its cookie differs", async () => {
	const connection = await Connection.open("127.0.0.1");
	const socket = connection.name(MAPPED);
	expect(await kernel.destroySocket({ ...socket, cookie: socket.cookie + 1n })).not.toBe(0);
	expect(must("ss", "-tnH", "sport", "=", `:${socket.localPort}`)).toContain("ESTAB");
});

test("a namespace that no longer exists is reported as an errno, not thrown", async () => {
	const nobody = { protocol: 6, local: MAPPED, remote: MAPPED, localPort: 1, remotePort: 1, cookie: 1n };
	expect(await kernel.destroySocket({ ...nobody, netns: "/proc/0/ns/net" })).toBe(ENOENT);
});

/** A client and a server in their own process, connected over loopback. */
class Connection {
	readonly outcome: Promise<string>;
	readonly #localPort: number;
	readonly #remotePort: number;
	readonly #inNetns: readonly string[];

	static async open(host: string, netns?: string): Promise<Connection> {
		const inNetns = netns === undefined ? [] : ["ip", "netns", "exec", netns];
		const [command = "", ...args] = [...inNetns, ...NODE_COMMAND, join(import.meta.dirname, "loopback-main.ts"), host];
		const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
		scratch.cleanup.defer("connection", () => void end(child.pid));
		const lines: string[] = [];
		createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
		const [local, remote] = (await until("connected", 5_000, () => lines[0])).split(" ").map(Number);
		return new Connection(local ?? 0, remote ?? 0, inNetns, () => lines[1]);
	}

	private constructor(
		localPort: number,
		remotePort: number,
		inNetns: readonly string[],
		outcome: () => string | undefined,
	) {
		this.#localPort = localPort;
		this.#remotePort = remotePort;
		this.#inNetns = inNetns;
		this.outcome = until("an outcome", 1_000, outcome);
		this.outcome.catch(() => {}); /* Not every test awaits the outcome. */
	}

	name(address: Uint8Array): SocketName {
		const [command = "", ...args] = [...this.#inNetns, "ss", "-tneH", "sport", "=", `:${this.#localPort}`];
		const cookie = BigInt(`0x${/ sk:([0-9a-f]+)/.exec(must(command, ...args))?.[1]}`);
		const [localPort, remotePort] = [this.#localPort, this.#remotePort];
		return { protocol: 6, local: address, localPort, remote: address, remotePort, cookie, netns: null };
	}
}
