import { addressText, type Packed, packAddress } from "../base/address.ts";
import { DEFAULTS } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import { hostResolvers, hostSources, type ResolverSources, rememberResolvers } from "./host-resolvers.ts";
import { installedKeys, installKeys } from "./kernel-set.ts";

/**
 * Addresses of the policy's resolvers and of the host's, as many as the kernel's map has room for. A policy leaves room
 * for 16 of the host. Anything that is not an address is left out.
 */
export function trustedResolvers(policy: readonly string[], sources: ResolverSources = hostSources): Set<Packed> {
	return fitting(allResolvers(policy, sources));
}

function allResolvers(policy: readonly string[], sources: ResolverSources): Set<Packed> {
	const packed = [...policy, ...hostResolvers(sources)].map(packAddress);
	return new Set(packed.filter((address) => address !== null));
}

function fitting(addresses: ReadonlySet<Packed>): Set<Packed> {
	return new Set([...addresses].slice(0, RESOLVERS_MAX));
}

const RESOLVERS_MAX = DEFAULTS.sizes.resolvers;

/** Makes the kernel's map hold exactly `wanted`. */
export function installResolvers(
	kernel: Pick<Kernel, "dump" | "update" | "remove">,
	wanted: ReadonlySet<Packed>,
): { added: number; removed: number } {
	return installKeys(kernel, "resolvers", wanted);
}

/** The addresses in the kernel's map. */
export function installedResolvers(kernel: Pick<Kernel, "dump">): Set<Packed> {
	return installedKeys(kernel, "resolvers");
}

/** The trusted resolvers, kept equal in the daemon and in the kernel. */
export class TrustedResolvers {
	current: ReadonlySet<Packed> = new Set();
	readonly #kernel: Pick<Kernel, "dump" | "update" | "remove">;
	readonly #stateDir: string | null;
	readonly #log: Logger;

	constructor(kernel: Pick<Kernel, "dump" | "update" | "remove">, stateDir: string | null, log: Logger) {
		this.#kernel = kernel;
		this.#stateDir = stateDir;
		this.#log = log;
	}

	/**
	 * Reads the host's files again and adds the policy's resolvers. Null: the policy in force was loaded by an earlier
	 * daemon, so the resolvers in the kernel are kept.
	 */
	update(policy: readonly string[] | null): void {
		const all = allResolvers(policy ?? [], hostSources);
		if (policy === null) for (const address of installedResolvers(this.#kernel)) all.add(address);
		const wanted = fitting(all);
		this.current = wanted;
		const { added, removed } = installResolvers(this.#kernel, wanted);
		if (added + removed > 0) this.#log.info("trusted resolvers", { resolvers: this.texts() });
		const left = [...all].filter((address) => !wanted.has(address)).map(addressText);
		if (left.length > 0 && added + removed > 0)
			this.#log.warn(`at most ${RESOLVERS_MAX} resolvers are trusted; some of the host are not`, { left });
		if (this.#stateDir !== null) rememberResolvers(this.#stateDir, this.#log);
	}

	texts(): string[] {
		return [...this.current].map(addressText);
	}
}
