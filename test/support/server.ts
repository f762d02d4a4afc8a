/** The parent's side of server-main.ts: the same commands, as methods that return promises. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import type { Cleanup } from "./cleanup.ts";
import type { Network } from "./netns.ts";
import { NODE_COMMAND } from "./paths.ts";
import { end } from "./run.ts";
import type { commands } from "./server-main.ts";

type Commands = typeof commands;
export type Server = {
	[Name in keyof Commands]: (...args: Parameters<Commands[Name]>) => Promise<Awaited<ReturnType<Commands[Name]>>>;
};

const MAIN = join(import.meta.dirname, "server-main.ts");

export function startServer(network: Network, key: string, cert: string, cleanup: Cleanup): Server {
	const [command = "", ...args] = network.inServer([...NODE_COMMAND, MAIN, key, cert]);
	const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], env: cleanEnvironment() });
	cleanup.defer(`server process ${child.pid}`, () => void end(child.pid));
	const ask = asker(child);
	const call =
		(name: keyof Commands) =>
		(...values: unknown[]) =>
			ask(name, values);
	return {
		dns: call("dns"),
		zone: call("zone"),
		pieces: call("pieces"),
		forge: call("forge"),
		mute: call("mute"),
		asked: call("asked"),
		listen: call("listen"),
		record: call("record"),
		clear: call("clear"),
		snmp: call("snmp"),
	} as Server;
}

/** The test runner's Node options must not apply to child processes. */
export function cleanEnvironment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
	const env = { ...process.env, ...extra };
	for (const name of ["NODE_OPTIONS", "NODE_CHANNEL_FD", "VITEST", "NODE_V8_COVERAGE"]) delete env[name];
	return env;
}

function asker(child: ChildProcess): (name: string, args: unknown[]) => Promise<unknown> {
	const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
	let last = 0;
	child.on("message", ({ id, value, error }: { id: number; value: unknown; error?: string }) => {
		const promise = waiting.get(id);
		waiting.delete(id);
		if (error === undefined) promise?.resolve(value);
		else promise?.reject(new Error(error));
	});
	child.once("exit", (code, signal) => {
		for (const { reject } of waiting.values()) reject(new Error(`the server process ended (${signal ?? code})`));
	});
	return (name, args) =>
		new Promise((resolve, reject) => {
			last += 1;
			waiting.set(last, { resolve, reject });
			child.send({ id: last, name, args });
		});
}
