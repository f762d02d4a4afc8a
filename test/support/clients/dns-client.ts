/**
 * Sends raw DNS messages and connects to addresses directly after the answers: dns-client.ts TASK, a JSON of DnsTask. Prints
 * one line of JSON, a DnsOutcome.
 */
import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { connect, isIPv6, type Socket } from "node:net";

/** As in ../run.ts. */
const SLOW = Number(process.env["SALLYPORT_TEST_SLOW"] ?? 1);

export interface DnsTask {
	readonly via: "udp" | "tcp";
	readonly server: string;
	/** Hex. Over TCP the raw stream, including the length prefixes. */
	readonly messages: readonly string[];
	/** Number of answers to wait for, for `patience` ms at most. */
	readonly answers: number;
	readonly patience?: number;
	/** UDP: the local port, and that of a second socket that only receives. */
	readonly port?: number;
	readonly secondPort?: number;
	/** TCP: size of a write [bytes], and the pause between two [ms]. */
	readonly piece?: number;
	readonly pause?: number;
	/** Addresses and ports to connect to after the answers. */
	readonly connect?: readonly (readonly [string, number])[];
	/** Connects only once this file exists. */
	readonly until?: string;
}

export interface DnsOutcome {
	readonly pid: number;
	/** Hex, without length prefixes. */
	readonly answers: readonly string[];
	readonly error: string | null;
	/** "ok" or the error's code, in the order of `connect`. */
	readonly connects: readonly string[];
}

const task = JSON.parse(process.argv[2] ?? "") as DnsTask;
const answers: string[] = [];
let error: string | null = null;
const asked = task.via === "udp" ? overUdp() : overTcp();
await Promise.race([asked, sleep(task.patience ?? 3_000)]).catch((failure: NodeJS.ErrnoException) => {
	error = failure.code ?? failure.message;
});
while (task.until !== undefined && !existsSync(task.until)) await sleep(20);
const connects: string[] = [];
for (const [address, port] of task.connect ?? []) connects.push(await attempt(address, port));
process.stdout.write(`${JSON.stringify({ pid: process.pid, answers, error, connects } satisfies DnsOutcome)}\n`);
process.exit(0);

async function overUdp(): Promise<void> {
	const type = isIPv6(task.server) ? "udp6" : "udp4";
	if (task.secondPort !== undefined) {
		const second = createSocket(type);
		second.on("message", (message) => answers.push(message.toString("hex")));
		await new Promise<void>((resolve) => second.bind({ port: task.secondPort ?? 0 }, resolve));
	}
	const socket = createSocket(type);
	await new Promise<void>((resolve) => socket.bind({ port: task.port ?? 0 }, resolve));
	const done = new Promise<void>((resolve, reject) => {
		socket.once("error", reject);
		socket.on("message", (message) => {
			answers.push(message.toString("hex"));
			if (answers.length >= task.answers) resolve();
		});
	});
	for (const message of task.messages)
		await new Promise<void>((resolve, reject) => {
			socket.send(Buffer.from(message, "hex"), 53, task.server, (failure) => (failure ? reject(failure) : resolve()));
		});
	if (task.answers > 0) await done;
}

async function overTcp(): Promise<void> {
	const socket: Socket = connect({ host: task.server, port: 53, noDelay: true });
	let bytes = Buffer.alloc(0);
	const done = new Promise<void>((resolve, reject) => {
		socket.once("error", reject);
		socket.once("close", () => reject(new Error("closed")));
		socket.on("data", (data) => {
			bytes = Buffer.concat([bytes, data]);
			while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
				const length = bytes.readUInt16BE(0);
				answers.push(bytes.toString("hex", 2, 2 + length));
				bytes = bytes.subarray(2 + length);
			}
			if (answers.length >= task.answers) resolve();
		});
	});
	done.catch(() => {});
	await new Promise<void>((resolve, reject) => {
		socket.once("connect", resolve);
		socket.once("error", reject);
	});
	const all = Buffer.from(task.messages.join(""), "hex");
	const piece = task.piece ?? all.length;
	for (let at = 0; at < all.length; at += piece) {
		socket.write(all.subarray(at, at + piece));
		await sleep(task.pause ?? 0);
	}
	await done;
}

function attempt(address: string, port: number): Promise<string> {
	return new Promise((resolve) => {
		const socket = connect({ host: address, port, timeout: 3_000 * SLOW });
		const end = (outcome: string) => {
			socket.destroy();
			resolve(outcome);
		};
		socket.once("connect", () => end("ok"));
		socket.once("timeout", () => end("TIMEOUT"));
		socket.once("error", (failure: NodeJS.ErrnoException) => end(failure.code ?? failure.message));
	});
}

function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
