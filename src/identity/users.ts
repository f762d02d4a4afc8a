import { readFileSync, statSync } from "node:fs";

/** Users of a passwd(5) file, which is read again when it changes. */
export class Users {
	readonly #file: string;
	readonly #now: () => number;
	#byUid = new Map<number, string>();
	#byName = new Map<string, number>();
	#version = "";
	#checkedAt = Number.NEGATIVE_INFINITY;

	constructor(file = "/etc/passwd", now: () => number = Date.now) {
		this.#file = file;
		this.#now = now;
	}

	/** Null: no such user. A change of the file is seen within REFRESH. */
	nameOf(uid: number): string | null {
		this.#refresh();
		return this.#byUid.get(uid) ?? null;
	}

	/** Null: no such user. A change of the file is seen at once. */
	uidOf(name: string): number | null {
		this.#checkedAt = Number.NEGATIVE_INFINITY; /* A policy that names a user just created must load. */
		this.#refresh();
		return this.#byName.get(name) ?? null;
	}

	#refresh(): void {
		if (this.#now() - this.#checkedAt < REFRESH) return;
		this.#checkedAt = this.#now();
		try {
			const { mtimeMs, size, ino } = statSync(this.#file);
			const version = `${ino} ${mtimeMs} ${size}`;
			if (version === this.#version) return;
			this.#read();
			this.#version = version;
		} catch {
			/* The file is being replaced, or unreadable: the known users stay. */
		}
	}

	#read(): void {
		this.#byUid = new Map();
		this.#byName = new Map();
		for (const line of readFileSync(this.#file, "utf8").split("\n")) {
			const [name, , uid] = line.split(":");
			if (name === undefined || name === "" || uid === undefined || !/^\d+$/.test(uid)) continue;
			if (!this.#byUid.has(Number(uid))) this.#byUid.set(Number(uid), name);
			this.#byName.set(name, Number(uid));
		}
	}
}

/** Interval between two checks of the file [ms]. */
const REFRESH = 5_000;

/** Gid of a group, or null. */
export function groupId(name: string, file = "/etc/group"): number | null {
	try {
		for (const line of readFileSync(file, "utf8").split("\n")) {
			const fields = line.split(":");
			if (fields[0] === name && /^\d+$/.test(fields[2] ?? "")) return Number(fields[2]);
		}
	} catch {
		/* Without the file there are no groups. */
	}
	return null;
}
