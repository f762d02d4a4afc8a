import { TIMES } from "../base/config.ts";
import { guarded, type Logger } from "../base/logger.ts";
import { watchFile } from "../system/watch-file.ts";
import { resolverFilesToWatch } from "./host-resolvers.ts";
import type { PolicyService } from "./policy-service.ts";

export interface WatchPolicyOptions {
	readonly file: string | null;
	readonly policy: PolicyService;
	readonly resolversChanged: () => void;
	readonly log: Logger;
	readonly scope: AsyncDisposableStack;
}

/** Reloads the policy when its file changes, and reports changes of the files that name the host's resolvers. */
export function watchPolicy({ file, policy, resolversChanged, log, scope }: WatchPolicyOptions): void {
	const watch = (path: string, what: string, changed: () => void | Promise<void>) => {
		const watcher = watchFile(path, TIMES.fileQuiet, () => void guarded(log, what, changed));
		scope.defer(() => watcher.close());
	};
	if (file !== null) watch(file, "reload", async () => void (await policy.loadFileIfChanged(file)));
	const watched = new Set<string>();
	const watchResolvers = () => {
		for (const path of resolverFilesToWatch()) {
			if (watched.has(path)) continue;
			watched.add(path);
			watch(path, "resolvers", () => {
				/* The target of a link may have changed. */
				watchResolvers();
				resolversChanged();
			});
		}
	};
	watchResolvers();
}
