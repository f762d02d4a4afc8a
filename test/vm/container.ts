import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
	closeSync,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	rmdirSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { Cgroup } from "../support/cgroup.ts";
import { type Cleanup, sleepSync, waitSync } from "../support/cleanup.ts";

export interface ContainerOptions {
	/** A Debian tree, which the container changes. */
	readonly root: string;
	/** Mounted at /mnt/host in the container. */
	readonly share: string;
	readonly console: string;
	readonly limits: Limits;
	readonly cleanup: Cleanup;
}

/** Limits of the whole container; null is no limit. */
export interface Limits {
	/** Bytes. */
	readonly memory: number | null;
	/** Number of CPUs. */
	readonly cpus: number | null;
}

/**
 * Debian with systemd on this machine's kernel, in its own cgroup namespace: programs attached to its root cgroup apply only to the
 * container. bpffs and network namespaces made inside end with its mount namespace.
 */
export class Container {
	readonly cgroup: string;
	readonly #leader: number;

	private constructor(cgroup: string, leader: number) {
		this.cgroup = cgroup;
		this.#leader = leader;
	}

	static async boot({ root, share, console, limits, cleanup }: ContainerOptions): Promise<Container> {
		const cgroup = Cgroup.make(cleanup).path;
		const name = basename(cgroup);
		const hierarchies = makeHierarchies(name, limits, cleanup);
		if (hierarchies.memory === null) limitUnified(cgroup, limits);
		const join_ = [cgroup, ...hierarchies.all].map((folder) => `echo $$ > ${folder}/cgroup.procs`).join(" && ");
		const memory = hierarchies.memory === null ? [] : [`--bind=${hierarchies.memory}:/mnt/memory`];
		const args = [
			...["-q", "-D", root, `--machine=${name}`, "--register=no", "--keep-unit", "--private-network"],
			...["--capability=all", "--system-call-filter=bpf perf_event_open", "--console=pipe"],
			/* The service mounts bpffs over it. */
			...["--tmpfs=/sys/fs/bpf", `--bind=${share}:/mnt/host`, ...memory, "-b"],
		];
		const out = openSync(console, "w");
		const nspawn = spawn("sh", ["-c", `${join_} && exec systemd-nspawn "$@"`, "sh", ...args], {
			stdio: ["ignore", out, out],
			env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" },
		});
		closeSync(out);
		const pid = nspawn.pid ?? 0;
		cleanup.defer(`container ${name}`, () => halt(pid, cgroup));
		const leader = await childOf(pid, console);
		const container = new Container(cgroup, leader);
		container.#checkRoot();
		const state = container.read("systemctl", "is-system-running", "--wait");
		if (!/^(running|degraded)$/.test(state)) throw new Error(`the container is ${state}; see ${console}`);
		return container;
	}

	/** Runs as root inside, passes on each line, and resolves to the exit code. */
	run(command: string, onLine: (line: string) => void): Promise<number> {
		const [program = "", ...args] = this.#enter("bash", "-c", command);
		const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: INSIDE });
		createInterface(child.stdout).on("line", onLine);
		return new Promise((resolve) => child.once("close", (code) => resolve(code ?? 1)));
	}

	read(...command: string[]): string {
		const [program = "", ...args] = this.#enter(...command);
		return spawnSync(program, args, { encoding: "utf8", env: INSIDE }).stdout.trim();
	}

	#enter(...command: string[]): string[] {
		return ["nsenter", "-t", String(this.#leader), "-m", "-u", "-i", "-n", "-p", "-C", "--", ...command];
	}

	/* Safety: the root cgroup that the container sees must be the one made for it, or it would enforce on the host. */
	#checkRoot(): void {
		const seen = Number(this.read("stat", "-c", "%i", "/sys/fs/cgroup"));
		const ours = [this.cgroup, join(this.cgroup, "payload")].filter(existsSync).map((each) => statSync(each).ino);
		if (!ours.includes(seen)) throw new Error(`the container sees another cgroup root than its own: inode ${seen}`);
	}
}

const INSIDE = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LANG: "C.UTF-8" };

/* On a hybrid layout memory, cpu and systemd's tree are cgroup v1 hierarchies beside cgroup v2. */
function makeHierarchies(name: string, limits: Limits, cleanup: Cleanup): { all: string[]; memory: string | null } {
	const mounted = readFileSync("/proc/self/mounts", "utf8")
		.split("\n")
		.map((line) => line.split(" "))
		.filter(([, , type]) => type === "cgroup");
	const make = (option: string) => {
		const point = mounted.find(([, , , options]) => options?.split(",").includes(option))?.[1];
		if (point === undefined) return null;
		const folder = join(point, name);
		mkdirSync(folder);
		cleanup.defer(`cgroup ${folder}`, () => removeFolders(folder));
		return folder;
	};
	const [systemd, memory, cpu] = [make("name=systemd"), make("memory"), make("cpu")];
	if (memory !== null && limits.memory !== null)
		writeFileSync(join(memory, "memory.limit_in_bytes"), String(limits.memory));
	if (cpu !== null && limits.cpus !== null)
		writeFileSync(join(cpu, "cpu.cfs_quota_us"), String(Math.round(limits.cpus * 100_000)));
	return { all: [systemd, memory, cpu].filter((each) => each !== null), memory };
}

function limitUnified(cgroup: string, { memory, cpus }: Limits): void {
	if (memory !== null) writeFileSync(join(cgroup, "memory.max"), String(memory));
	if (cpus !== null) writeFileSync(join(cgroup, "cpu.max"), `${Math.round(cpus * 100_000)} 100000`);
}

/* nspawn leaves one empty folder on the host. */
function halt(pid: number, cgroup: string): void {
	const gone = () => !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
	if (!gone()) process.kill(pid, "SIGTERM");
	waitSync(gone, HALT);
	writeFileSync(join(cgroup, "cgroup.kill"), "1");
	const folder = `/run/systemd/nspawn/propagate/${basename(cgroup)}`;
	if (!existsSync(folder)) return;
	spawnSync("umount", [folder], { stdio: "ignore" });
	rmdirSync(folder);
}

/** ms */
const HALT = 5_000;

async function childOf(pid: number, console: string): Promise<number> {
	for (let tries = 0; tries < 300; tries++) {
		const path = `/proc/${pid}/task/${pid}/children`;
		const [child] = existsSync(path) ? readFileSync(path, "utf8").split(" ").filter(Boolean) : [];
		if (child !== undefined && isInit(Number(child))) return Number(child);
		await new Promise((done) => setTimeout(done, 100));
	}
	throw new Error(`systemd-nspawn has not started:\n${readFileSync(console, "utf8").slice(-2_000)}`);
}

/* nspawn's child executes systemd once its namespaces exist. */
function isInit(pid: number): boolean {
	try {
		if (!/^systemd$/m.test(readFileSync(`/proc/${pid}/comm`, "utf8"))) return false;
		execFileSync("nsenter", ["-t", String(pid), "-m", "-p", "-C", "test", "-S", "/run/systemd/private"], {
			stdio: "ignore",
		});
		return true;
	} catch {
		return false;
	}
}

function removeFolders(folder: string): void {
	for (const entry of readdirSync(folder, { withFileTypes: true }))
		if (entry.isDirectory()) removeFolders(join(folder, entry.name));
	for (let tries = 0; tries < 100; tries++) {
		try {
			rmdirSync(folder);
			return;
		} catch {
			sleepSync(20);
		}
	}
	rmdirSync(folder);
}
