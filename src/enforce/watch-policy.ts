import { TIMES } from "../base/config.ts";
import { guarded } from "../base/guarded.ts";
import type { Logger } from "../base/logger.ts";
import type { Undo } from "../base/undo.ts";
import { watchFile } from "../system/watch-file.ts";
import { resolverFilesToWatch } from "./host-resolvers.ts";
import type { PolicyService } from "./policy-service.ts";

export interface WatchPolicyOptions {
	readonly file: string | null;
	readonly policy: PolicyService;
	readonly resolversChanged: () => void;
	readonly log: Logger;
	readonly undo: Undo;
}

/** The policy file, and those that name the host's resolvers. */
export function watchPolicy({ file, policy, resolversChanged, log, undo }: WatchPolicyOptions): void {
	const watch = (path: string, what: string, changed: () => void | Promise<void>) => {
		const watcher = watchFile(path, TIMES.fileQuiet, () => void guarded(log, what, changed));
		undo.add(() => watcher.close());
	};
	if (file !== null) watch(file, "reload", async () => void (await policy.loadFileIfChanged(file)));
	/* What is behind a link now was perhaps not there before. */
	const watched = new Set<string>();
	const watchResolvers = () => {
		for (const path of resolverFilesToWatch()) {
			if (watched.has(path)) continue;
			watched.add(path);
			watch(path, "resolvers", () => {
				watchResolvers();
				resolversChanged();
			});
		}
	};
	watchResolvers();
}
