/** Daemons on kernels in memory, each in its own folder. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import { type Config, DEFAULTS } from "../../../src/base/config.ts";
import { jsonLogger } from "../../../src/base/logger.ts";
import type { RunningDaemon } from "../../../src/cli/deps.ts";
import { startDaemon } from "../../../src/daemon/daemon.ts";
import { releaseMemory } from "../../../src/daemon/release-memory.ts";
import { cgroup2Mount } from "../../../src/system/mounts.ts";
import { able } from "../../support/able.ts";
import type { FakeKernel } from "./fake-kernel.ts";

const MOUNTINFO = readFileSync("/proc/self/mountinfo", "utf8");
const mount = cgroup2Mount(MOUNTINFO)?.point ?? null;

export const onCgroup2 = test.runIf(able(mount === null ? "No cgroup v2 is mounted here." : null));

export class Daemons {
	readonly folder = mkdtempSync(join(tmpdir(), "sallyport-"));
	readonly policyFile = join(this.folder, "policy.yaml");
	readonly lines: string[] = [];
	hostDir = join(this.folder, "host");
	readonly config: Config = {
		...DEFAULTS,
		warmUp: "none",
		pins: join(this.folder, "pins"),
		policy: this.policyFile,
		socket: join(this.folder, "api.sock"),
		runtimeDir: join(this.folder, "run"),
		stateDir: join(this.folder, "state"),
	};
	readonly #running: RunningDaemon[] = [];

	constructor(policy: string) {
		writeFileSync(this.policyFile, policy);
	}

	async start(kernel: FakeKernel, changes: Partial<Config> = {}): Promise<RunningDaemon> {
		const addon = {
			libbpfVersion: "fake",
			mountBpffs: (path: string) => void kernel.calls.push(`mount ${path}`),
			unmountBpffs: (path: string) => void kernel.calls.push(`unmount ${path}`),
			releaseMemory: () => void kernel.calls.push("give back"),
			load: () => {
				kernel.calls.push("load");
				return kernel;
			},
			peerUid: () => 0,
			sendDatagram: () => {},
			attached: () => [],
			pins: () => null,
			removePins: () => {},
			parse: () => {
				throw new Error("the daemon parses nothing itself");
			},
		};
		const log = jsonLogger((line) => this.lines.push(line));
		/* Reports a BPF file system at the folder. Nothing here writes to it. */
		const mountinfo = () => `${MOUNTINFO}999 1 0:99 / ${this.folder} rw - bpf bpf rw\n`;
		const deps = {
			openAddon: () => addon,
			log,
			version: "1.2.3",
			preflight: () => {},
			release: releaseMemory,
			mountinfo,
			hostDir: this.hostDir,
		};
		const daemon = await startDaemon({ ...this.config, ...changes }, deps);
		this.#running.push(daemon);
		return daemon;
	}

	ask(
		method: string,
		path: string,
		body = "",
		headers: Readonly<Record<string, string>> = {},
	): Promise<{ status: number; text: string }> {
		const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
		const type = body === "" ? {} : { "content-type": "application/yaml" };
		const options = { socketPath: join(this.folder, "api.sock"), method, path, headers: { ...type, ...headers } };
		const asked = request(options, (response) => {
			let text = "";
			response.on("data", (part) => {
				text += part;
			});
			response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
		});
		asked.on("error", reject).end(body);
		return promise;
	}

	async getJson<T>(path: string): Promise<T> {
		return JSON.parse((await this.ask("GET", path)).text) as T;
	}

	async close(): Promise<void> {
		for (const daemon of this.#running.splice(0)) await daemon.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}
}
