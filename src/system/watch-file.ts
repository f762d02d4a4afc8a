import { type FSWatcher, watch } from "node:fs";
import { lstat, readlink } from "node:fs/promises";
import { isAbsolute, join } from "node:path";

export interface Watcher {
	close(): void;
}

/**
 * Calls `changed` after a file was written, replaced or removed, and after a symbolic link on the way to it was
 * replaced, as Kubernetes does with `..data` of a ConfigMap. Folders are watched rather than the file, because editors
 * rename a new file over the old one. While a folder does not exist, its nearest existing parent is watched. A folder
 * that cannot be read is not watched.
 *
 * @param quietMs time without another change before the call [ms]
 * @param since changes since then are reported, also those before the watch began, which takes a moment [ms of the epoch]
 */
export function watchFile(path: string, quietMs: number, changed: () => void, since = Date.now() - TICK): Watcher {
	return new PathWatcher(path, quietMs, changed, since);
}

/** An entry of a folder whose change can change the file that a path leads to. */
interface Step {
	readonly folder: string;
	readonly name: string;
	readonly identity: string;
}

interface Look {
	readonly steps: readonly Step[];
	/** Latest change of an entry; 0: none can be read [ms of the epoch]. */
	readonly changedAt: number;
}

class PathWatcher implements Watcher {
	readonly #path: string;
	readonly #quietMs: number;
	readonly #changed: () => void;
	readonly #since: number;
	readonly #watchers = new Map<string, FSWatcher>();
	#names = new Set<string>();
	/** The steps of the last look; "": none yet. */
	#known = "";
	#looking = false;
	#again = false;
	#closed = false;
	#timer: NodeJS.Timeout | null = null;

	constructor(path: string, quietMs: number, changed: () => void, since: number) {
		this.#path = path;
		this.#quietMs = quietMs;
		this.#changed = changed;
		this.#since = since;
		void this.#look();
	}

	close(): void {
		this.#closed = true;
		if (this.#timer !== null) clearTimeout(this.#timer);
		for (const watcher of this.#watchers.values()) watcher.close();
	}

	/* A file system that hangs delays only this, and not the event loop. */
	async #look(): Promise<void> {
		this.#again = true;
		if (this.#looking) return;
		this.#looking = true;
		while (this.#again && !this.#closed) {
			this.#again = false;
			const look = await lookAt(this.#path);
			if (!this.#closed) this.#arm(look);
		}
		this.#looking = false;
	}

	#arm({ steps, changedAt }: Look): void {
		const key = JSON.stringify(steps);
		if (key === this.#known) return;
		const first = this.#known === "";
		this.#known = key;
		this.#names = new Set(steps.map(({ folder, name }) => join(folder, name)));
		const wanted = new Map(steps.map(({ folder, identity }) => [`${identity} ${folder}`, folder]));
		for (const [place, watcher] of this.#watchers) {
			if (wanted.has(place)) continue;
			watcher.close();
			this.#watchers.delete(place);
		}
		for (const [place, folder] of wanted) if (!this.#watchers.has(place)) this.#watch(place, folder);
		if (!first || changedAt > this.#since) this.#soon();
		/* The next folder may have been made before this one was watched. */
		this.#again = true;
	}

	#watch(place: string, folder: string): void {
		try {
			const watcher = watch(folder, { persistent: false }, (_, name) => {
				if (name !== null && this.#names.has(join(folder, name))) this.#soon();
				/* The folder itself may have been removed or replaced, or a link in it. */
				void this.#look();
			});
			watcher.on("error", () => watcher.close());
			this.#watchers.set(place, watcher);
		} catch {
			/* Not readable for this user; SIGHUP still reloads. */
		}
	}

	#soon(): void {
		if (this.#closed) return;
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = setTimeout(() => {
			this.#timer = null;
			this.#changed();
		}, this.#quietMs);
	}
}

/**
 * The links on the way to a file and the file itself, each by its real folder. Ends at the first entry that does not
 * exist or cannot be read.
 */
async function lookAt(path: string): Promise<Look> {
	const steps: Step[] = [];
	let changedAt = 0;
	let folder = "/";
	let identity = await identityOf(folder);
	const rest = path.split("/");
	for (let links = 0; rest.length > 0; ) {
		const name = rest.shift() ?? "";
		if (name === "" || name === ".") continue;
		if (name === "..") {
			folder = join(folder, "..");
			identity = await identityOf(folder);
			continue;
		}
		const full = join(folder, name);
		const found = await lstat(full).catch(() => null);
		const entry = found ?? (await lstat(folder).catch(() => null));
		if (entry !== null && !(found?.isDirectory() ?? false)) changedAt = Math.max(changedAt, entry.ctimeMs);
		const isLast = rest.every((each) => each === "" || each === ".");
		if (found?.isSymbolicLink() && links++ < LINKS_MAX) {
			const target = await readlink(full).catch(() => null);
			steps.push({ folder, name, identity });
			if (target === null) break;
			rest.unshift(...target.split("/"));
			if (isAbsolute(target)) {
				folder = "/";
				identity = await identityOf(folder);
			}
		} else if (found?.isDirectory() && !isLast) {
			folder = full;
			identity = identityText(found);
		} else {
			steps.push({ folder, name, identity });
			break;
		}
	}
	return { steps, changedAt };
}

async function identityOf(folder: string): Promise<string> {
	const found = await lstat(folder).catch(() => null);
	return found === null ? "" : identityText(found);
}

/* A folder that is removed and made again may have the inode of the old one. */
function identityText({ dev, ino, birthtimeMs }: { dev: number; ino: number; birthtimeMs: number }): string {
	return `${dev} ${ino} ${birthtimeMs}`;
}

/** Times of files have the granularity of the kernel's tick [ms]. */
const TICK = 10;

/** path_resolution(7): more are ELOOP. */
const LINKS_MAX = 40;
