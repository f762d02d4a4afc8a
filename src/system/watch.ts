import { type FSWatcher, watch } from "node:fs";
import { basename, dirname } from "node:path";

export interface Watcher {
	close(): void;
}

/**
 * Calls `changed` once things are quiet after a file was written, replaced or removed. The folder is watched, not the file: editors
 * replace a file by renaming another over it. No folder, no watch: then SIGHUP remains.
 */
export function watchFile(path: string, quietMs: number, changed: () => void): Watcher {
	let timer: NodeJS.Timeout | null = null;
	let watcher: FSWatcher | null = null;
	const name = basename(path);
	try {
		watcher = watch(dirname(path), { persistent: false }, (_, file) => {
			if (file !== null && file !== name) return;
			if (timer !== null) clearTimeout(timer);
			timer = setTimeout(() => {
				timer = null;
				changed();
			}, quietMs);
		});
		watcher.on("error", () => watcher?.close());
	} catch {
		watcher = null;
	}
	return {
		close() {
			if (timer !== null) clearTimeout(timer);
			watcher?.close();
		},
	};
}
