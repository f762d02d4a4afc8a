/** The daemon as a real process, and its API over the unix socket. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { DEFAULTS } from "../../src/base/config.ts";
import { ROOT } from "./paths.ts";
import { alive, end, SLOW, sleep } from "./run.ts";
import { cleanEnvironment } from "./server.ts";
import type { World } from "./world.ts";

export interface Reply {
	readonly status: number;
	readonly text: string;
}

export class Daemon {
	readonly #world: World;
	/** Applies from its next start. */
	readonly flags: string[];
	/** Applies from its next start: the daemon runs in the client's network namespace and has the client's resolvers. */
	inClient = false;
	/** Applies from its next start: the command, such as that of an unpacked package. */
	program: readonly string[] = [join(ROOT, "scripts/sallyport")];
	#child: ChildProcess | null = null;
	/** Of every start. */
	readonly #pids = new Set<number>();
	readonly socket: string;
	readonly policyFile: string;
	readonly logFile: string;

	constructor(world: World, policy: string, flags: readonly string[] = []) {
		this.#world = world;
		this.flags = [...flags];
		this.socket = join(world.folder, "api.sock");
		this.policyFile = join(world.folder, "policy.yaml");
		this.logFile = join(world.folder, "daemon.log");
		writeFileSync(this.policyFile, policy);
		world.cleanup.defer("daemon", () => {
			if (!end(this.pid)) throw new Error(`process ${this.pid} does not end`);
			removeHostLocks(this.#pids);
		});
	}

	static async start(world: World, policy: string, flags: readonly string[] = []): Promise<Daemon> {
		const daemon = new Daemon(world, policy, flags);
		await daemon.start();
		return daemon;
	}

	get pid(): number | undefined {
		return this.#child?.pid;
	}

	/** Starts the daemon (again) and waits until it responds. Pins and policy file are kept. */
	async start(ms = 30_000): Promise<void> {
		const { cgroup, pins, folder } = this.#world;
		const own = [
			"--policy",
			this.policyFile,
			"--cgroup",
			cgroup.path,
			"--pins",
			pins,
			"--socket",
			this.socket,
			"--runtime-dir",
			join(folder, "run"),
			"--state-dir",
			join(folder, "state"),
			/* Tests must not depend on the host's resolvers. */
			...(this.flags.includes("--warm-up") ? [] : ["--warm-up", "none"]),
		];
		const log = createWriteStream(this.logFile, { flags: "a" });
		const argv = [...this.program, "run", ...own, ...this.flags];
		/* Ends the daemon if the test is interrupted. */
		const inPlace = this.inClient ? this.#world.network.inClient(argv) : argv;
		const child = spawn("setpriv", ["--pdeathsig", "TERM", ...inPlace], {
			stdio: ["ignore", "pipe", "pipe"],
			env: cleanEnvironment(),
		});
		child.stdout?.pipe(log, { end: false });
		child.stderr?.pipe(log, { end: false });
		this.#child = child;
		if (child.pid !== undefined) this.#pids.add(child.pid);
		const deadline = performance.now() + ms * SLOW;
		while (!(await this.#healthy())) {
			if (!alive(child.pid ?? 0) || performance.now() > deadline) {
				await sleep(50);
				throw new Error(
					`the daemon did not start (${child.exitCode ?? child.signalCode ?? "still running"}):\n${this.log()}`,
				);
			}
			await sleep(20);
		}
	}

	/** Stops the daemon by a signal. With on_exit keep it leaves its pins. */
	stop(): void {
		end(this.pid, "SIGTERM", 10_000);
	}

	kill(): void {
		end(this.pid, "SIGKILL");
	}

	log(): string {
		return existsSync(this.logFile) ? readFileSync(this.logFile, "utf8").slice(-3_000) : "";
	}

	ask(
		method: "GET" | "PUT" | "POST" | "DELETE",
		path: string,
		body?: string,
		type = "application/yaml",
	): Promise<Reply> {
		return new Promise((resolve, reject) => {
			const headers = body === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(body) };
			const asked = request({ socketPath: this.socket, method, path, headers, timeout: 20_000 * SLOW }, (response) => {
				let text = "";
				response.setEncoding("utf8").on("data", (part) => {
					text += part;
				});
				response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
			});
			asked.once("timeout", () => asked.destroy(new Error(`${method} ${path}: no answer`)));
			asked.once("error", reject);
			asked.end(body);
		});
	}

	async get<T>(path: string): Promise<T> {
		const reply = await this.ask("GET", path);
		if (reply.status !== 200) throw new Error(`GET ${path}: ${reply.status} ${reply.text}`);
		return JSON.parse(reply.text) as T;
	}

	/** Applies a policy. Throws the daemon's error for an invalid one. */
	async put(policy: string): Promise<void> {
		const reply = await this.ask("PUT", "/v1/policy", policy);
		if (reply.status >= 300) throw new Error(`PUT /v1/policy: ${reply.status} ${reply.text}`);
	}

	async #healthy(): Promise<boolean> {
		if (!existsSync(this.socket)) return false;
		return this.ask("GET", "/healthz").then(
			(reply) => reply.status === 200,
			() => false,
		);
	}
}

/** Removes what killed daemons leave in the folder of the host's locks. The next daemon of the same cgroup would replace it. */
function removeHostLocks(pids: ReadonlySet<number>): void {
	const folder = DEFAULTS.runtimeDir;
	if (!existsSync(folder)) return;
	for (const name of readdirSync(folder)) {
		if (!name.endsWith(".lock")) continue;
		const file = join(folder, name);
		try {
			if (pids.has(Number.parseInt(readFileSync(file, "utf8"), 10))) rmSync(file);
		} catch {
			/* Another test has just removed its own. */
		}
	}
}
