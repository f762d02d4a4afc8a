import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type { Environment } from "../policy/model.ts";
import { type Mount, mountOf, parseMountinfo } from "../system/mounts.ts";

export interface HostEnvironmentOptions {
	/** Folder to which paths of list files are relative. */
	readonly folder: string;
	/**
	 * Folder that must contain list files; null: no list files; absent: any folder. For policies from the API: problems
	 * quote lines of a list, which the client may not be allowed to read.
	 */
	readonly within?: string | null;
	readonly uidOf: (name: string) => number | null;
	readonly mountinfo?: () => string;
}

/** The host's files, users and programs, for parsing a policy. */
export function hostEnvironment(options: HostEnvironmentOptions): Environment {
	const mounts: () => Mount[] = () => parseMountinfo((options.mountinfo ?? readMountinfo)());
	return {
		readList: (path) => readFileSync(allowed(resolve(options.folder, path), options.within)),
		uidOf: options.uidOf,
		exeOf(path) {
			if (!isAbsolute(path)) return [];
			const place = mountOf(mounts(), followLinks(path));
			return place === null ? [] : [{ dev: place.mount.device, path: place.path }];
		},
	};
}

function allowed(path: string, within: string | null | undefined): string {
	if (within === undefined) return path;
	if (within === null) throw new Error("a policy from the API cannot name files: this daemon has no policy file");
	const real = realpathSync(path);
	const folder = realpathSync(within);
	if (!real.startsWith(`${folder}/`)) throw new Error(`files of a policy from the API must be below ${folder}`);
	if (!statSync(real).isFile()) throw new Error("it is not a regular file");
	return real;
}

/** The mounts of this process, proc_pid_mountinfo(5). */
export function readMountinfo(): string {
	return readFileSync("/proc/self/mountinfo", "utf8");
}

/**
 * Resolves symbolic links in the part of the path that exists. The rest stays as written: a program may be installed
 * later.
 */
export function followLinks(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		const parent = dirname(path);
		return parent === path ? path : join(followLinks(parent), basename(path));
	}
}
