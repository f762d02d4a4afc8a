import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Node 24, an npm package. The Node that runs these scripts may be older. */
export const NODE = `${ROOT}/node_modules/.bin/node`;

/**
 * Options of every Node of the project: scripts, tests and, in scripts/sallyport and systemd/sallyport.sh, the daemon. On processors
 * with memory protection keys (EC2's have them), V8 protects compiled code with a key. Then a process with threads sometimes aborts
 * with "Check failed: jit_page.has_value()" (https://github.com/nodejs/node/issues/64500). NODE_OPTIONS does not accept the option.
 */
export const NODE_FLAGS = ["--no-memory-protection-keys"];

/** Ends a script; the message is for the person who ran it. */
export class Stop extends Error {}

/**
 * Runs a command without output, unless it fails.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<void>} rejects with Stop if the command cannot be run or fails
 */
export function quietly(command, args, env = process.env) {
	return new Promise((resolve, reject) => {
		const child = spawn(command, withFlags(command, args), { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
		/** @type {Buffer[]} */
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
 * Runs a command with this process's terminal, and forwards signals to it. A signal that ends the command ends this process too.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<number>} the exit code; rejects with Stop if the command cannot be run
 */
export function instead(command, args) {
	return new Promise((resolve, reject) => {
		const child = spawn(command, withFlags(command, args), { cwd: ROOT, stdio: "inherit" });
		/** @param {NodeJS.Signals} signal */
		const forward = (signal) => child.kill(signal);
		/* A terminal sends Ctrl-C to the whole process group: the child would get it twice. */
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

/** @param {string} command @param {readonly string[]} args */
function withFlags(command, args) {
	return command === NODE ? [...NODE_FLAGS, ...args] : [...args];
}
