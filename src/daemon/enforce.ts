import { join } from "node:path";
import { type Config, DEFAULTS, TIMES } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { Attachment } from "../enforce/attachment.ts";
import { NameKeeper } from "../enforce/name-keeper.ts";
import { attach, type Inherited, inherited, openKernel, restore } from "../enforce/open-kernel.ts";
import { type OpenPolicy, openPolicy } from "../enforce/open-policy.ts";
import { ensureBpffs, removeFromKernel } from "../enforce/pin-folder.ts";
import { TrustedResolvers } from "../enforce/resolvers.ts";
import { SearchSuffixes } from "../enforce/search-suffixes.ts";
import { SlotBook } from "../enforce/slot-book.ts";
import type { Addon, Kernel } from "../native/binding.ts";
import type { Overlays } from "../overlays/overlays.ts";
import { type WatchedCgroup, watchedCgroup } from "../system/cgroup.ts";
import { acquireHost } from "../system/lock.ts";
import { parseMountinfo } from "../system/mounts.ts";
import { BootPolicy } from "./boot-policy.ts";
import { openOverlays } from "./open-overlays.ts";

export interface EnforceOptions {
	readonly config: Config;
	readonly addon: Addon;
	readonly watched: WatchedCgroup;
	readonly mountinfo: string;
	/** See HostLocks; default: DEFAULTS.runtimeDir. */
	readonly hostDir?: string;
	readonly log: Logger;
	readonly scope: AsyncDisposableStack;
}

/** The first phase of the daemon: a policy in force. */
export interface Enforcement {
	readonly kernel: Kernel;
	readonly before: Inherited;
	readonly policy: OpenPolicy;
	readonly slots: SlotBook;
	readonly resolvers: TrustedResolvers;
	readonly suffixes: SearchSuffixes;
	readonly keeper: NameKeeper;
	readonly overlays: Overlays;
	readonly attachment: Attachment;
	/** Reads the files that name the host's resolvers again. */
	readonly updateResolvers: () => void;
	/** The daemon has started: its end follows `onExit` from now on, and no longer undoes the start. */
	readonly started: () => void;
}

/**
 * Opens the kernel, loads the policy, attaches the programs and begins to resolve names. Rejects with SallyportError.
 */
export async function enforce(options: EnforceOptions): Promise<Enforcement> {
	const { config, addon, watched, mountinfo, hostDir, log, scope } = options;
	/* A daemon that only observes decides nothing, so it may run beside another. */
	const cgroup = config.forceObserve ? null : watched;
	const lock = await acquireHost({ ...config, hostDir: hostDir ?? DEFAULTS.runtimeDir, cgroup, log });
	scope.defer(() => lock.release());
	scope.defer(ensureBpffs(addon, config.pins, parseMountinfo(mountinfo)));
	const kernel = openKernel(addon, config, watched);
	const before = inherited(kernel);
	const held = scope.use(new HeldKernel(kernel, before, config));

	const slots = new SlotBook(config.stateDir === null ? null : join(config.stateDir, "slots.json"));
	slots.restore(kernel.adopted ? kernel.sum("rules") : null);
	const resolvers = new TrustedResolvers(kernel, config.stateDir, log);
	const suffixes = new SearchSuffixes(kernel, before.hashKey, log);
	const policy = openPolicy({ config, kernel, before, slots, log, scope });
	const { service } = policy;
	const overlays = openOverlays({ config, policy: service, watched, log, scope });
	const { stateDir } = config;
	const boot = stateDir === null ? null : new BootPolicy({ kernel, policy: service, overlays, stateDir, log });
	service.watch({
		loaded: (inForce, cause) => {
			resolvers.update(inForce.policy.resolvers);
			suffixes.update(inForce.policy.search);
			void boot?.loaded(inForce, cause);
		},
	});
	await policy.loadFirst();
	overlays.begin();
	const updateResolvers = () => {
		resolvers.update(service.current?.policy.resolvers ?? null);
		suffixes.update(service.current?.policy.search ?? null);
	};
	if (service.current === null) updateResolvers();
	held.attach();
	const attachment = new Attachment({ kernel, cgroupId: () => watchedCgroup(watched.path, mountinfo).id, log });
	const timer = setInterval(() => attachment.look(), TIMES.links);
	scope.defer(() => clearInterval(timer));

	const keeper = new NameKeeper({ kernel, how: config.warmUp, resolvers: () => resolvers.texts(), log });
	scope.defer(() => keeper.close());
	if (service.current !== null) keeper.begin(service.current.policy, !kernel.adopted);
	service.watch({ loaded: (inForce) => keeper.begin(inForce.policy, false) });
	return {
		kernel,
		before,
		policy,
		slots,
		resolvers,
		suffixes,
		attachment,
		updateResolvers,
		keeper,
		overlays,
		started: () => held.started(),
	};
}

/**
 * The kernel's handles, and the state that the kernel is left in. A start that fails restores the earlier policy, or
 * removes the programs if there was none. Otherwise `onExit` decides.
 */
class HeldKernel implements Disposable {
	readonly #kernel: Kernel;
	readonly #before: Inherited;
	readonly #config: Pick<Config, "pins" | "onExit">;
	#state: "loaded" | "attached" | "started" = "loaded";

	constructor(kernel: Kernel, before: Inherited, config: Pick<Config, "pins" | "onExit">) {
		this.#kernel = kernel;
		this.#before = before;
		this.#config = config;
	}

	attach(): void {
		attach(this.#kernel);
		this.#state = "attached";
	}

	started(): void {
		this.#state = "started";
	}

	[Symbol.dispose](): void {
		try {
			if (this.#state === "started") this.#leave();
			else this.#undoStart();
		} finally {
			this.#kernel.close();
		}
	}

	#leave(): void {
		if (this.#config.onExit === "open") removeFromKernel(this.#kernel, this.#config.pins);
	}

	#undoStart(): void {
		if (this.#before.generation > 0) restore(this.#kernel, this.#before);
		else removeFromKernel(this.#kernel, this.#config.pins);
	}
}
