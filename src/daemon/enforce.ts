import { join } from "node:path";
import type { Config } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import { keepLastGood, lastGoodFile } from "../enforce/last-good.ts";
import { attach, type Inherited, inherited, openKernel, restore } from "../enforce/open-kernel.ts";
import { type OpenPolicy, openPolicy } from "../enforce/open-policy.ts";
import { ensureBpffs, removeFromKernel } from "../enforce/pin-folder.ts";
import { TrustedResolvers } from "../enforce/resolvers.ts";
import { SlotBook } from "../enforce/slot-book.ts";
import { Warmer } from "../enforce/warm-up.ts";
import type { Addon, Kernel } from "../native/binding.ts";
import type { WatchedCgroup } from "../system/cgroup.ts";
import { acquirePins } from "../system/lock.ts";
import { parseMountinfo } from "../system/mounts.ts";

export interface EnforceOptions {
	readonly config: Config;
	readonly addon: Addon;
	readonly watched: WatchedCgroup;
	readonly mountinfo: string;
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
	/** Reads the files that name the host's resolvers again. */
	readonly updateResolvers: () => void;
	/** The daemon has started: its end follows `onExit` from now on, and no longer undoes the start. */
	readonly started: () => void;
}

/**
 * Opens the kernel, loads the policy, attaches the programs and begins to resolve names. Rejects with SallyportError.
 */
export async function enforce(options: EnforceOptions): Promise<Enforcement> {
	const { config, addon, watched, mountinfo, log, scope } = options;
	const lock = await acquirePins(config);
	scope.defer(() => lock.release());
	scope.defer(ensureBpffs(addon, config.pins, parseMountinfo(mountinfo)));
	const kernel = openKernel(addon, config, watched);
	const before = inherited(kernel);
	const held = scope.use(new HeldKernel(kernel, before, config));

	const slots = new SlotBook(config.stateDir === null ? null : join(config.stateDir, "slots.json"));
	slots.restore(kernel.adopted ? kernel.sum("rules") : null);
	const resolvers = new TrustedResolvers(kernel, config.stateDir, log);
	const policy = openPolicy({ config, kernel, before, slots, log, scope });
	const { service } = policy;
	service.watch({
		loaded: (inForce) => {
			resolvers.update(inForce.policy.resolvers);
			if (config.stateDir !== null) keepLastGood(lastGoodFile(config.stateDir), kernel, inForce, log);
		},
	});
	await policy.loadFirst();
	const updateResolvers = () => resolvers.update(service.current?.policy.resolvers ?? null);
	if (service.current === null) updateResolvers();
	held.attach();

	const warmer = new Warmer({ kernel, what: config.warmUp, resolvers: () => resolvers.texts(), log });
	if (service.current !== null) warmer.begin(service.current.policy, !kernel.adopted);
	service.watch({ loaded: (inForce) => warmer.begin(inForce.policy, false) });
	return { kernel, before, policy, slots, resolvers, updateResolvers, started: () => held.started() };
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
