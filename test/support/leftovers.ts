/** Removes what killed test runs left behind: only objects with the tests' name and the pid of an ended process. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cgroupRoot, PREFIX, removeTree } from "./cgroup.ts";
import { NETNS_PREFIX } from "./netns.ts";
import { alive, end, must } from "./run.ts";

/** Names of existing objects of the tests: cgroups, namespaces, temp folders, mounts. With `mine`, only those of this process. */
export function leftovers(mine = false): string[] {
	const keep = (pid: number) => (mine ? pid === process.pid : pid !== process.pid && !alive(pid));
	return everything().filter((path) => keep(pidOf(path)));
}

export function sweep(): void {
	for (const path of leftovers()) {
		if (path.startsWith("/run/netns/")) must("ip", "netns", "del", path.slice("/run/netns/".length));
		else if (path.startsWith(tmpdir())) removeFolder(path);
		else removeTree(path);
	}
}

/** Removes a temp folder of the tests, with the processes that use it and the mounts below it. */
export function removeFolder(path: string): void {
	for (const pid of processesOf(path)) end(pid);
	for (const mount of mountsBelow(path)) must("umount", mount);
	rmSync(path, { recursive: true, force: true });
}

export function mountsBelow(path: string): string[] {
	const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
	return mounts
		.map((line) => line.split(" ")[1] ?? "")
		.filter((at) => at.startsWith(`${path}/`))
		.reverse();
}

/**
 * Processes are found by the folder in their arguments. Its name has the pid of an ended run and six random letters, so no
 * other process can have it.
 */
function processesOf(path: string): number[] {
	const pids = readdirSync("/proc")
		.map(Number)
		.filter((pid) => pid > 1 && pid !== process.pid);
	return pids.filter((pid) => argumentsOf(pid).includes(`${path}/`));
}

function argumentsOf(pid: number): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "utf8");
	} catch {
		return "";
	}
}

function everything(): string[] {
	return [...list(cgroupRoot(), PREFIX), ...list("/run/netns", NETNS_PREFIX), ...list(tmpdir(), PREFIX)];
}

function list(folder: string, prefix: string): string[] {
	if (!existsSync(folder)) return [];
	return readdirSync(folder)
		.filter((name) => name.startsWith(prefix) && !Number.isNaN(pidOf(name)))
		.map((name) => join(folder, name));
}

function pidOf(path: string): number {
	return Number(/sallyport-(?:test-)?(\d+)-/.exec(path)?.[1] ?? Number.NaN);
}
