import { statfsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { SallyportError } from "../base/errors.ts";
import { cgroup2Mount } from "./mounts.ts";

export interface WatchedCgroup {
	readonly path: string;
	/** Low half of the kernfs id, which is unique among existing cgroups. */
	readonly id: number;
}

/**
 * The cgroup to watch: `requested`, or the root of cgroup v2. Throws SallyportError: NO_CGROUP2 if none is mounted,
 * BAD_CGROUP if `requested` is not a cgroup v2 folder.
 *
 * @param mountinfo contents of /proc/self/mountinfo
 */
export function watchedCgroup(requested: string | null, mountinfo: string): WatchedCgroup {
	const mount = cgroup2Mount(mountinfo);
	if (mount === null) throw new SallyportError("NO_CGROUP2", "No cgroup v2 file system is mounted.");
	if (requested === null) return { path: mount.point, id: idOf(mount.point) };
	const path = resolve(requested);
	const hint = `Use a folder below ${mount.point}.`;
	if (!isFolder(path)) throw new SallyportError("BAD_CGROUP", `${path} does not exist.`, hint);
	if (statfsSync(path).type !== CGROUP2_MAGIC || (path !== mount.point && !path.startsWith(`${mount.point}/`))) {
		throw new SallyportError("BAD_CGROUP", `${path} is not a cgroup v2 folder.`, hint);
	}
	return { path, id: idOf(path) };
}

const CGROUP2_MAGIC = 0x63677270;

function idOf(path: string): number {
	return Number(statSync(path, { bigint: true }).ino & 0xffffffffn);
}

function isFolder(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/**
 * The path of a cgroup below a watched one; "" is the watched one itself. Throws Error with the reason if it is none.
 *
 * @param written an absolute path, or one below the watched cgroup
 */
export function scopeBelow({ path: watched }: Pick<WatchedCgroup, "path">, written: string): string {
	const path = resolve(watched, written);
	if (path !== watched && !path.startsWith(watched === "/" ? "/" : `${watched}/`))
		throw new Error(`${path} is not below the watched cgroup ${watched}`);
	if (!isFolder(path)) throw new Error(`${path} does not exist`);
	if (statfsSync(path).type !== CGROUP2_MAGIC) throw new Error(`${path} is not a cgroup v2 folder`);
	return path.slice(watched.length).replace(/^\/+/, "");
}
