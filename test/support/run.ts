/** Commands that must succeed, commands whose result is tested, and polling. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { waitSync } from "./cleanup.ts";

export interface Outcome {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
	readonly stdout: string;
	readonly stderr: string;
	readonly ms: number;
	readonly pid: number;
}

/** How many times slower than usual this machine is. Time limits are multiplied by it. An emulated machine sets 10. */
export const SLOW = Number(process.env["SALLYPORT_TEST_SLOW"] ?? 1);

/** Runs a setup command. Throws with its standard error if it fails. */
export function must(command: string, ...args: string[]): string {
	const result = spawnSync(command, args, { encoding: "utf8" });
	if (result.status === 0) return result.stdout;
	const why = result.error?.message ?? result.stderr.trim();
	throw new Error(`${command} ${args.join(" ")}: ${why || `exit ${result.status}`}`);
}

export function has(command: string): boolean {
	return spawnSync("sh", ["-c", `command -v "$0"`, command]).status === 0;
}

/** Runs a command to its end. After the timeout (ms) it is killed, and its code is null. */
export async function run(
	argv: readonly string[],
	options: SpawnOptions & { timeout?: number } = {},
): Promise<Outcome> {
	const started = performance.now();
	const child = spawn(argv[0] ?? "", argv.slice(1), { stdio: ["ignore", "pipe", "pipe"], ...options, timeout: 0 });
	const timer = setTimeout(() => child.kill("SIGKILL"), (options.timeout ?? 30_000) * SLOW);
	const [stdout, stderr, [code, signal]] = await Promise.all([
		text(child, "stdout"),
		text(child, "stderr"),
		exit(child),
	]);
	clearTimeout(timer);
	return { code, signal, stdout, stderr, ms: performance.now() - started, pid: child.pid ?? 0 };
}

/** Ends a process that the tests started, by pid, and waits for its end. `ms`: time until SIGKILL. */
export function end(pid: number | undefined, signal: NodeJS.Signals = "SIGKILL", ms = 3_000): boolean {
	if (pid === undefined || !alive(pid)) return true;
	try {
		process.kill(pid, signal);
	} catch {
		return true;
	}
	if (waitSync(() => !alive(pid), ms * SLOW)) return true;
	return signal === "SIGKILL" ? false : end(pid, "SIGKILL");
}

/** A zombie counts as ended: Node reaps it in the next turn of its event loop. */
export function alive(pid: number): boolean {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
	} catch {
		return false;
	}
}

/**
 * Polls until `probe` returns a value. The time limit only ends a test that hangs. It is at least LEAST_PATIENCE, because a
 * busy machine may stop a process for seconds.
 */
export async function until<T>(
	what: string,
	ms: number,
	probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
	const patience = Math.max(ms, LEAST_PATIENCE) * SLOW;
	const end = performance.now() + patience;
	for (;;) {
		const value = await probe();
		if (value !== undefined && value !== false) return value;
		if (performance.now() > end) throw new Error(`${what}: not within ${patience} ms`);
		await new Promise((resolve) => setTimeout(resolve, 10 * SLOW));
	}
}

/** [ms] */
const LEAST_PATIENCE = 15_000;

export function sleep(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

function exit(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
	return new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("exit", (code, signal) => resolve([code, signal]));
	});
}

async function text(child: ChildProcess, which: "stdout" | "stderr"): Promise<string> {
	let all = "";
	for await (const chunk of child[which]?.setEncoding("utf8") ?? []) all += chunk;
	return all;
}
