import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { cleanEnvironment } from "./server.ts";
import type { World } from "./world.ts";

export interface Started {
	readonly pid: number;
	stdout(): string;
	stderr(): string;
	/** The exit code. The command is killed after the time limit. */
	ended(ms: number): Promise<number | null>;
	/** Sends SIGINT. */
	interrupt(): void;
	/** Kills the remaining processes. */
	kill(): void;
}

/**
 * Runs a command line of the documentation in the client's network namespace. `folder`: its working directory, whose `bin` is
 * first in PATH.
 */
export function startLine({ network, cleanup }: World, folder: string, line: string, onTerminal: boolean): Started {
	const shell = onTerminal
		? ["script", "-qec", `stty cols 130; ${line}`, "/dev/null"]
		: ["bash", "-o", "pipefail", "-c", line];
	const [command = "", ...args] = network.inClient(shell);
	const child: ChildProcess = spawn(command, args, {
		cwd: folder,
		detached: true,
		env: cleanEnvironment({
			PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
			SHELL: "/bin/bash",
			TERM: "xterm",
			NO_COLOR: "1",
		}),
	});
	const text = { stdout: "", stderr: "" };
	for (const name of ["stdout", "stderr"] as const)
		child[name]?.setEncoding("utf8").on("data", (part: string) => {
			text[name] += part;
		});
	const closed = new Promise<number | null>((resolve, reject) => {
		child.once("error", reject);
		child.once("close", resolve);
	});
	const pid = child.pid ?? 0;
	let isClosed = false;
	child.once("close", () => {
		isClosed = true;
	});
	if (!onTerminal) child.stdin?.end();
	const killGroup = (signal: NodeJS.Signals) => {
		try {
			process.kill(-pid, signal);
		} catch {
			/* it has ended */
		}
	};
	const kill = () => {
		if (!isClosed) killGroup("SIGKILL");
	};
	cleanup.defer(`${line.slice(0, 40)} ${pid}`, kill);
	return {
		pid,
		stdout: () => text.stdout,
		stderr: () => text.stderr,
		async ended(ms) {
			const timer = setTimeout(() => killGroup("SIGKILL"), ms);
			const code = await closed;
			clearTimeout(timer);
			return code;
		},
		kill,
		interrupt: () => void (onTerminal ? child.stdin?.write("\x03") : killGroup("SIGINT")),
	};
}
