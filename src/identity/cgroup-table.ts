import { BoundedMap } from "../base/bounded.ts";
import type { CgroupEvent } from "../native/event-objects.ts";
import { CGROUP_FLAG } from "../native/layout.ts";

export interface CgroupName {
	readonly unit: string | null;
	readonly container: string | null;
}

/** A cgroup. Filled when the kernel announces it, so that records made before see the names too. */
export interface CgroupInfo {
	readonly id: number;
	/** Path relative to the watched cgroup, without a slash at the end; null: not announced yet. */
	path: string | null;
	unit: string | null;
	container: string | null;
}

/** Cgroups by kernfs id, as the kernel announces them. */
export class CgroupTable {
	readonly #byId: BoundedMap<number, CgroupInfo>;
	readonly #nameOf: (path: string) => CgroupName;

	/** @param limit entries; the oldest is evicted */
	constructor(limit: number, nameOf: (path: string) => CgroupName) {
		this.#byId = new BoundedMap(limit);
		this.#nameOf = nameOf;
	}

	get size(): number {
		return this.#byId.size;
	}

	learn(event: CgroupEvent): void {
		const info = this.of(event.cgroupId);
		if (info === null) return;
		/* Without a path the rules decide as for an unknown cgroup, and so the record shows none. */
		if (event.flags & CGROUP_FLAG.unknown) return;
		const name = this.#nameOf(withoutEnds(event.named));
		info.path = withoutEnds(event.path);
		info.unit = name.unit;
		info.container = name.container;
	}

	/** The entry of an id, created if missing. Null for id 0, which stands for an unknown cgroup. */
	of(id: number): CgroupInfo | null {
		if (id === 0) return null;
		let info = this.#byId.get(id);
		if (info === undefined) {
			info = { id, path: null, unit: null, container: null };
			this.#byId.set(id, info);
		}
		return info;
	}
}

function withoutEnds(path: string): string {
	return path.replace(/^\/+|\/+$/g, "");
}
