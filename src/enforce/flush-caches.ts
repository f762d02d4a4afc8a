import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { TIMES } from "../base/config.ts";

/**
 * Flushes the host's caches of names, which answer programs without a query. Returns the caches, each with its error if
 * the flush failed.
 */
export async function flushCaches(): Promise<string[]> {
	const flushed: string[] = [];
	for (const [name, socket, command, ...args] of CACHES) {
		if (!existsSync(socket)) continue;
		const failed = await new Promise<Error | null>((done) => {
			execFile(command, args, { timeout: TIMES.flush }, done);
		});
		flushed.push(failed === null ? name : `${name} failed: ${failed.message}`);
	}
	return flushed;
}

const CACHES: readonly (readonly [name: string, socket: string, command: string, ...args: string[]])[] = [
	["systemd-resolved", "/run/systemd/resolve/io.systemd.Resolve", "resolvectl", "flush-caches"],
	["nscd", "/run/nscd/socket", "nscd", "--invalidate=hosts"],
];
