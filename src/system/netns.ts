import { readdirSync, readlinkSync } from "node:fs";

/** Network namespaces of the host's processes. */
export interface Namespaces {
	/** Name of a process's namespace: "net:[4026531840]". Null: the process has exited. */
	readonly of: (pid: number | "self") => string | null;
	/** Path for setns(2). */
	readonly path: (pid: number) => string;
	/** Each namespace that has a process: its name, and the pid of one of its processes. */
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
