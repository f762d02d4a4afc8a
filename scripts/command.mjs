import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Node that npm brought. The one that runs these scripts may be older. */
export const NODE = `${ROOT}/node_modules/.bin/node`;

/** What stops a script, in one sentence for the person who ran it. */
export class Stop extends Error {}

/** Runs a command unseen; its output is shown only if it fails. */
export function quietly(command, args, env = process.env) {
	return new Promise((resolve, reject) => {
		const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
		const output = [];
		child.stdout.on("data", (chunk) => output.push(chunk));
		child.stderr.on("data", (chunk) => output.push(chunk));
		child.on("error", (error) => reject(new Stop(`${command} cannot be run: ${error.message}`)));
		child.on("close", (code) => {
			if (code === 0) return resolve();
			process.stderr.write(Buffer.concat(output));
			reject(new Stop(`${command} failed`));
		});
	});
}

/**
 * Runs a command in this one's place, as far as that goes: terminal, signals and exit code are its own. Resolves to the
 * exit code.
 */
export function instead(command, args) {
	return new Promise((resolve, reject) => {
		const child = spawn(command, args, { cwd: ROOT, stdio: "inherit" });
		const forward = (signal) => child.kill(signal);
		// A terminal sends Ctrl-C to the whole group: forwarded, it would reach the child twice.
		const onInterrupt = process.stdin.isTTY ? () => {} : forward;
		process.on("SIGINT", onInterrupt);
		for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, forward);
		child.on("error", (error) => reject(new Stop(`${command} cannot be run: ${error.message}`)));
		child.on("close", (code, signal) => {
			process.off("SIGINT", onInterrupt);
			for (const forwarded of ["SIGTERM", "SIGHUP"]) process.off(forwarded, forward);
			if (signal !== null) process.kill(process.pid, signal);
			resolve(code ?? 1);
		});
	});
}
