import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type { Environment } from "../policy/model.ts";
import { type Mount, mountOf, parseMountinfo } from "../system/mounts.ts";

export interface HostEnvironmentOptions {
	/** Folder to which list files are relative. */
	readonly folder: string;
	/**
	 * List files must lie below this folder; null: there may be none; left out: anywhere. For policies that come over the API: what is
	 * wrong with a list is told line by line, and who may ask is not always who may read every file.
	 */
	readonly within?: string | null;
	readonly uidOf: (name: string) => number | null;
	readonly mountinfo?: () => string;
}

/** The host, as the policy sees it. */
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
	if (within === null) throw new Error("a policy that comes over the API can name no files here");
	const real = realpathSync(path);
	const folder = realpathSync(within);
	if (!real.startsWith(`${folder}/`))
		throw new Error(`files of a policy that comes over the API must lie below ${folder}`);
	if (!statSync(real).isFile()) throw new Error("it is no file");
	return real;
}

export function readMountinfo(): string {
	return readFileSync("/proc/self/mountinfo", "utf8");
}

/** Links followed as far as the path exists; the rest as written, so that a program may be installed later. */
function followLinks(path: string): string {
	try {
		return realpathSync(path);
	} catch {
		const parent = dirname(path);
		return parent === path ? path : join(followLinks(parent), basename(path));
	}
}
