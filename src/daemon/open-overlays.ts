import type { Config } from "../base/config.ts";
import { sentence } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { hostEnvironment } from "../enforce/policy-environment.ts";
import type { PolicyService } from "../enforce/policy-service.ts";
import { Users } from "../identity/users.ts";
import { IDS_PATHS_MAX, TEXT_MAX } from "../native/layout.ts";
import { overlayFile, readOverlays } from "../overlays/overlay-file.ts";
import { Overlays } from "../overlays/overlays.ts";
import { type Restored, restoreOverlays } from "../overlays/restore-overlays.ts";
import { bootId, bootTime } from "../system/boot.ts";
import { scopeBelow, type WatchedCgroup } from "../system/cgroup.ts";

export interface OpenOverlaysOptions {
	readonly config: Pick<Config, "stateDir">;
	readonly policy: PolicyService;
	readonly watched: WatchedCgroup;
	readonly log: Logger;
	readonly scope: AsyncDisposableStack;
}

/** Reads the saved overlays, and makes them part of the first policy that is loaded. */
export function openOverlays({ config, policy, watched, log, scope }: OpenOverlaysOptions): Overlays {
	const users = new Users();
	const environment = hostEnvironment({ folder: "/", within: null, uidOf: users.uidOf.bind(users) });
	const file = config.stateDir === null ? null : overlayFile(config.stateDir);
	const now = () => Date.now();
	const restored = file === null ? NONE : readSaved(file);
	const overlays = new Overlays({
		...{ policy, restored, file, bootId, log },
		host: { environment, now, bootTime, scopeOf: (path) => checkedScope(watched, path) },
	});
	scope.defer(() => overlays.close());
	policy.begin(overlays.layers());
	return overlays;

	function readSaved(from: string): Restored {
		try {
			const saved = readOverlays(from);
			return saved === null ? NONE : restoreOverlays(saved, environment, { bootId, bootTime, now });
		} catch (error) {
			log.error("the saved overlays are lost", { cause: sentence(error) });
			return NONE;
		}
	}
}

const NONE: Restored = { entries: [], removed: [] };

/* As the check of `from.cgroup`: the kernel reads no more of a path. */
function checkedScope(watched: WatchedCgroup, path: string): string {
	const below = scopeBelow(watched, path);
	const most = TEXT_MAX / 2;
	if (below.split("/").length > IDS_PATHS_MAX || Buffer.byteLength(below) > most)
		throw new Error(`${below} is too long for the kernel; at most ${IDS_PATHS_MAX} components and ${most} bytes`);
	return below;
}
