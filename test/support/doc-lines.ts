import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { cleanEnvironment } from "./server.ts";
import type { World } from "./world.ts";

export interface Started {
	readonly pid: number;
	stdout(): string;
	stderr(): string;
	/** The exit code; it is killed if it takes longer. */
	ended(ms: number): Promise<number | null>;
	/** Ctrl-C. */
	interrupt(): void;
	/** Whatever of it is left. */
	kill(): void;
}

/**
 * A command line of the documentation, in the client's network namespace. `folder`: where it runs; its `bin` comes first.
 * `columns`: of its terminal; null: it has none.
 */
export function startLine({ network, cleanup }: World, folder: string, line: string, columns: number | null): Started {
	const onTerminal = columns !== null;
	const shell = onTerminal
		? ["script", "-qec", `stty cols ${columns}; ${line}`, "/dev/null"]
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
