import { type Mount, visiblePath } from "../system/mounts.ts";
import type { ProcessInfo } from "./process-table.ts";

/** Paths of executables as people see them: below the mount point of their file system. */
export class ExePaths {
	readonly #readMounts: () => Mount[];
	readonly #now: () => number;
	#mounts: Mount[] = [];
	#readAt = Number.NEGATIVE_INFINITY;
	/** Paths of entries, which do not change, so that each is looked up once. */
	readonly #known = new WeakMap<ProcessInfo, string>();

	/** @param now monotonic clock [ms] */
	constructor(readMounts: () => Mount[], now: () => number) {
		this.#readMounts = readMounts;
		this.#now = now;
	}

	/** Null: the executable is unknown. */
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
		if (age > MAX_AGE || (!seen && age > MIN_AGE)) {
			this.#mounts = this.#readMounts();
			this.#readAt = this.#now();
		}
		return this.#mounts;
	}
}

/** The table of mounts is read again after this time [ms]. */
const MAX_AGE = 60_000;
/** A device that is in no mount may be new. Then the table is read again, but not more often than this [ms]. */
const MIN_AGE = 1_000;

/** "curl/bin/usr/" -> "/usr/bin/curl". */
export function rootFirst(leafFirst: string): string {
	return `/${leafFirst
		.split("/")
		.filter((part) => part !== "")
		.reverse()
		.join("/")}`;
}
