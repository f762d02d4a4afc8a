import { dirname, resolve } from "node:path";
import { TIMES } from "../base/config.ts";
import { guarded, type Logger } from "../base/logger.ts";
import type { ListFacts } from "../policy/model.ts";
import { type Watcher, watchFile } from "../system/watch-file.ts";
import { resolverFilesToWatch } from "./host-resolvers.ts";
import type { PolicyInForce } from "./policy-in-force.ts";
import type { PolicyService } from "./policy-service.ts";

export interface WatchPolicyOptions {
	readonly file: string | null;
	readonly policy: PolicyService;
	/** Lists that are in force while no policy of this daemon is. */
	readonly listsBefore: readonly ListFacts[];
	readonly resolversChanged: () => void;
	readonly log: Logger;
	readonly scope: AsyncDisposableStack;
}

/**
 * Reloads the policy when its file or a list file of the policy in force changes, and reports changes of the files that
 * name the host's resolvers.
 */
export function watchPolicy(options: WatchPolicyOptions): void {
	const { file, policy, listsBefore, resolversChanged, log, scope } = options;
	const watch = (path: string, what: string, changed: () => void | Promise<void>) => {
		const watcher = watchFile(path, TIMES.fileQuiet, () => void guarded(log, what, changed));
		scope.defer(() => watcher.close());
	};
	if (file !== null) {
		const lists = new WatchedLists((changed) => {
			void guarded(log, "reload", async () => void (await policy.loadFileIfChanged(file, changed)));
		});
		scope.defer(() => lists.close());
		const watcher = watchFile(file, 0, () => lists.changed(false), startOf(policy.current));
		scope.defer(() => watcher.close());
		const follow = (inForce: PolicyInForce) => {
			const own = inForce.origin === "file" ? inForce.policy.lists : [];
			lists.follow(filesOf(own, inForce.source), startOf(inForce));
		};
		policy.watch({ loaded: follow });
		if (policy.current !== null) follow(policy.current);
		else lists.follow(filesOf(listsBefore, file), Date.now());
	}
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

/* When its load began. Without a policy of this daemon its file has just been refused. */
function startOf(inForce: PolicyInForce | null): number {
	return inForce === null ? Date.now() : inForce.loadedAt.getTime() - inForce.loadMs;
}

function filesOf(lists: readonly ListFacts[], source: string): string[] {
	return lists.flatMap(({ file }) => (file === null ? [] : [resolve(dirname(source), file)]));
}

/** The list files of the policy in force. Changes of several files within the quiet time are one. */
class WatchedLists {
	readonly #reload: (listsChanged: boolean) => void;
	readonly #watchers = new Map<string, Watcher>();
	#timer: NodeJS.Timeout | null = null;
	#listsChanged = false;

	constructor(reload: (listsChanged: boolean) => void) {
		this.#reload = reload;
	}

	/** `since`: when the files began to be read [ms of the epoch]. */
	follow(files: readonly string[], since: number): void {
		for (const [file, watcher] of this.#watchers) {
			if (files.includes(file)) continue;
			watcher.close();
			this.#watchers.delete(file);
		}
		for (const file of files)
			if (!this.#watchers.has(file))
				this.#watchers.set(
					file,
					watchFile(file, 0, () => this.changed(true), since),
				);
	}

	changed(list: boolean): void {
		this.#listsChanged ||= list;
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = setTimeout(() => {
			this.#timer = null;
			const changed = this.#listsChanged;
			this.#listsChanged = false;
			this.#reload(changed);
		}, TIMES.fileQuiet);
	}

	close(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		for (const watcher of this.#watchers.values()) watcher.close();
	}
}
