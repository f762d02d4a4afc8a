/** A fake daemon for each test of a file, and the commands that query it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { type Answer, type Asked, cli, fakeDaemon, type Terminal } from "./terminal.ts";

export let folder: string;
export let socket: string;
/** Requests that the daemon received. */
export let asked: Asked[];

/** Closes the fake daemon, for commands that lose their connection. */
export let closeDaemon: () => Promise<void>;

export function useDaemon(): void {
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "sallyport-"));
		socket = join(folder, "api.sock");
		closeDaemon = async () => {};
	});
	afterEach(async () => {
		await closeDaemon();
		rmSync(folder, { recursive: true, force: true });
	});
}

export async function daemon(answer: Answer): Promise<void> {
	({ asked, close: closeDaemon } = await fakeDaemon(socket, answer));
}

export const ask = (line: string, terminal?: Terminal) => cli(`${line} --socket ${socket}`, terminal);
