import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

export interface Watcher {
	close(): void;
}

/**
 * Calls `changed` after a file was written, replaced or removed. The folder is watched rather than the file, because
 * editors rename a new file over the old one. While the folder does not exist, its nearest existing parent is watched.
 * A folder that cannot be read is not watched.
 *
 * @param quietMs time without another change before the call [ms]
 */
export function watchFile(path: string, quietMs: number, changed: () => void): Watcher {
	let timer: NodeJS.Timeout | null = null;
	let watcher: FSWatcher | null = null;
	const arm = () => {
		watcher?.close();
		const watched = nearest(path);
		try {
			watcher = watch(watched.folder, { persistent: false }, (_, name) => {
				/* The folder itself may have been created, removed or replaced. */
				if (nearest(path).identity !== watched.identity) arm();
				else if (name !== null && name !== watched.name) return;
				if (timer !== null) clearTimeout(timer);
				timer = setTimeout(() => {
					timer = null;
					changed();
				}, quietMs);
			});
			watcher.on("error", () => watcher?.close());
		} catch {
			/* Not readable for this user; SIGHUP still reloads. */
			watcher = null;
		}
	};
	arm();
	return {
		close() {
			if (timer !== null) clearTimeout(timer);
			watcher?.close();
		},
	};
}

/* The nearest existing folder on the way to the file, and the entry to look for in it. */
function nearest(path: string): { folder: string; name: string; identity: string } {
	const [folder, name] = [dirname(path), basename(path)];
	const found = statSync(folder, { throwIfNoEntry: false });
	if (found === undefined && folder !== dirname(folder)) return nearest(folder);
	return { folder, name, identity: `${found?.dev} ${found?.ino} ${found?.birthtimeMs}` };
}
