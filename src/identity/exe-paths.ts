import { type Mount, visiblePath } from "../system/mounts.ts";
import type { ProcessInfo } from "./process-table.ts";

/** The path of a program for people: below the place where its file system is mounted. */
export class ExePaths {
	readonly #readMounts: () => Mount[];
	readonly #now: () => number;
	#mounts: Mount[] = [];
	#readAt = Number.NEGATIVE_INFINITY;
	readonly #known = new WeakMap<ProcessInfo, string>();

	constructor(readMounts: () => Mount[], now: () => number) {
		this.#readMounts = readMounts;
		this.#now = now;
	}

	/** Null if the program is not known. */
	of(info: ProcessInfo): string | null {
		if (info.exe !== null) return info.exe;
		if (info.leafFirst === "") return null;
		const known = this.#known.get(info);
		if (known !== undefined) return known;
		const path = visiblePath(this.#fresh(info.device), info.device, rootFirst(info.leafFirst));
		this.#known.set(info, path);
		return path;
	}

	#fresh(device: number): readonly Mount[] {
		const age = this.#now() - this.#readAt;
		const seen = this.#mounts.some((mount) => mount.device === device);
		if (age > 60_000 || (!seen && age > 1_000)) {
			this.#mounts = this.#readMounts();
			this.#readAt = this.#now();
		}
		return this.#mounts;
	}
}

/** "curl/bin/usr/" is /usr/bin/curl. */
export function rootFirst(leafFirst: string): string {
	return `/${leafFirst
		.split("/")
		.filter((part) => part !== "")
		.reverse()
		.join("/")}`;
}
