import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { LIMITS } from "../base/config.ts";
import type { Environment, ListFacts } from "../policy/model.ts";
import { type Mount, mountOf, parseMountinfo } from "../system/mounts.ts";
import { whyNoProgram } from "../system/program.ts";
import { readRegular } from "../system/read-file.ts";

export interface HostEnvironmentOptions {
	/** Folder to which paths of list files are relative. */
	readonly folder: string;
	/**
	 * Folder that must contain list files; null: no list files; absent: any folder. For policies from the API: problems
	 * quote lines of a list, which the client may not be allowed to read.
	 */
	readonly within?: string | null;
	/** Lists of the policy in force, with which list files are compared. */
	readonly before?: readonly ListFacts[];
	readonly uidOf: (name: string) => number | null;
	readonly mountinfo?: () => string;
	/** Called before a list file is read, which may take for ever. */
	readonly reading?: (path: string) => void;
}

/** The host's files, users and programs, for parsing a policy. */
export function hostEnvironment(options: HostEnvironmentOptions): Environment {
	const mounts: () => Mount[] = () => parseMountinfo((options.mountinfo ?? readMountinfo)());
	return {
		readList(path) {
			options.reading?.(path);
			return readRegular(allowed(resolve(options.folder, path), options.within), LIMITS.listBytes);
		},
		listBefore: (name, file) => options.before?.find((list) => list.name === name && list.file === file),
		uidOf: options.uidOf,
		whyNoProgram,
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
