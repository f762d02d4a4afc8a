import { statfsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { SallyportError } from "../errors.ts";
import { cgroup2Mount } from "./mounts.ts";

export interface WatchedCgroup {
	readonly path: string;
	/** Depth in the kernel's tree; the root is 0. */
	readonly level: number;
}

/** The folder to watch: `wanted`, or all of cgroup v2. */
export function watchedCgroup(wanted: string | null, mountinfo: string): WatchedCgroup {
	const mount = cgroup2Mount(mountinfo);
	if (mount === null) throw new SallyportError("NO_CGROUP2", "No cgroup v2 file system is mounted.");
	/* A bind mount of a subtree shows its own root; what a cgroup namespace hides above it, nobody here can see. */
	const above = depth(mount.root);
	if (wanted === null) return { path: mount.point, level: above };
	const path = resolve(wanted);
	const hint = `Name a folder below ${mount.point}.`;
	if (!isFolder(path)) throw new SallyportError("BAD_CGROUP", `There is no cgroup ${path}.`, hint);
	if (statfsSync(path).type !== CGROUP2_MAGIC || (path !== mount.point && !path.startsWith(`${mount.point}/`))) {
		throw new SallyportError("BAD_CGROUP", `${path} is not a cgroup v2 folder.`, hint);
	}
	return { path, level: above + depth(path.slice(mount.point.length)) };
}

const CGROUP2_MAGIC = 0x63677270;

function depth(path: string): number {
	return path.split("/").filter((part) => part !== "").length;
}

function isFolder(path: string): boolean {
	return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
