import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

export interface Watcher {
	close(): void;
}

/**
 * Calls `changed` once things are quiet after a file was written, replaced or removed. The folder is watched, not the file: editors
 * replace a file by renaming another over it. Of a folder that is not there (yet) the nearest one above that is.
 */
export function watchFile(path: string, quietMs: number, changed: () => void): Watcher {
	let timer: NodeJS.Timeout | null = null;
	let watcher: FSWatcher | null = null;
	const arm = () => {
		watcher?.close();
		const waits = nearest(path);
		try {
			watcher = watch(waits.folder, { persistent: false }, (_, name) => {
				/* Folders come and go: what is to be watched may be another one now. */
				if (nearest(path).identity !== waits.identity) arm();
				else if (name !== null && name !== waits.name) return;
				if (timer !== null) clearTimeout(timer);
				timer = setTimeout(() => {
					timer = null;
					changed();
				}, quietMs);
			});
			watcher.on("error", () => watcher?.close());
		} catch {
			/* Not ours to read: SIGHUP remains. */
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

/* The lowest folder on the way to the file that is there, and what is looked for in it. */
function nearest(path: string): { folder: string; name: string; identity: string } {
	const [folder, name] = [dirname(path), basename(path)];
	const found = statSync(folder, { throwIfNoEntry: false });
	if (found === undefined && folder !== dirname(folder)) return nearest(folder);
	return { folder, name, identity: `${found?.dev} ${found?.ino} ${found?.birthtimeMs}` };
}
