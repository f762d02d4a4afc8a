import { readdirSync, readlinkSync } from "node:fs";

/** Network namespaces, as /proc shows them. */
export interface Namespaces {
	/** What names the namespace of a process ("net:[4026531840]"), or null if it is gone. */
	readonly of: (pid: number | "self") => string | null;
	/** A path by which it can be entered. */
	readonly path: (pid: number) => string;
	/** Every namespace that a process is in, once: name and such a process. */
	readonly all: () => ReadonlyMap<string, number>;
}

export const hostNamespaces: Namespaces = {
	of: read,
	path,
	all() {
		const found = new Map<string, number>();
		for (const entry of readdirSync("/proc")) {
			if (!/^\d+$/.test(entry)) continue;
			const id = read(Number(entry));
			if (id !== null && !found.has(id)) found.set(id, Number(entry));
		}
		return found;
	},
};

function read(pid: number | "self"): string | null {
	try {
		return readlinkSync(`/proc/${pid}/ns/net`);
	} catch {
		return null;
	}
}

function path(pid: number): string {
	return `/proc/${pid}/ns/net`;
}
