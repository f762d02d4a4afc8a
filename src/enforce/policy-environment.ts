import { readFileSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type { Environment } from "../policy/model.ts";
import { type Mount, mountOf, parseMountinfo } from "../system/mounts.ts";

export interface HostEnvironmentOptions {
	/** Folder to which list files are relative. */
	readonly folder: string;
	readonly uidOf: (name: string) => number | null;
	readonly mountinfo?: () => string;
}

/** The host, as the policy sees it. */
export function hostEnvironment(options: HostEnvironmentOptions): Environment {
	const mounts: () => Mount[] = () => parseMountinfo((options.mountinfo ?? readMountinfo)());
	return {
		readList: (path) => readFileSync(resolve(options.folder, path)),
		uidOf: options.uidOf,
		exeOf(path) {
			if (!isAbsolute(path)) return [];
			const place = mountOf(mounts(), followLinks(path));
			return place === null ? [] : [{ dev: place.mount.device, path: place.path }];
		},
	};
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
