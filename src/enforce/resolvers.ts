import { addressText, type Packed, packAddress, packedBytes } from "../base/address.ts";
import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import { hostResolvers, hostSources, type ResolverSources, rememberResolvers } from "./host-resolvers.ts";

/** Addresses of the host's resolvers and of the policy's. Anything that is not an address is left out. */
export function trustedResolvers(policy: readonly string[], sources: ResolverSources = hostSources): Set<Packed> {
	const packed = new Set<Packed>();
	for (const text of [...hostResolvers(sources), ...policy]) {
		const address = packAddress(text);
		if (address !== null) packed.add(address);
	}
	return packed;
}

/**
 * Makes the kernel's map hold exactly `wanted`. Additions come first, so that no resolver in both sets is ever missing.
 */
export function installResolvers(
	kernel: Pick<Kernel, "dump" | "update" | "remove">,
	wanted: ReadonlySet<Packed>,
): { added: number; removed: number } {
	const present = installedResolvers(kernel);
	let added = 0;
	let removed = 0;
	for (const address of wanted) {
		if (present.has(address)) continue;
		kernel.update("resolvers", packedBytes(address), TRUSTED);
		added++;
	}
	for (const address of present)
		if (!wanted.has(address) && kernel.remove("resolvers", packedBytes(address))) removed++;
	return { added, removed };
}

/** The addresses in the kernel's map. */
export function installedResolvers(kernel: Pick<Kernel, "dump">): Set<Packed> {
	const { keys, count } = kernel.dump("resolvers");
	const present = new Set<Packed>();
	for (let index = 0; index < count; index++) present.add(keys.toString("latin1", index * 16, index * 16 + 16));
	return present;
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
		const wanted = trustedResolvers(policy ?? []);
		if (policy === null) for (const address of installedResolvers(this.#kernel)) wanted.add(address);
		this.current = wanted;
		const { added, removed } = installResolvers(this.#kernel, wanted);
		if (added + removed > 0) this.#log.info("trusted resolvers", { resolvers: this.texts() });
		if (this.#stateDir !== null) rememberResolvers(this.#stateDir, this.#log);
	}

	texts(): string[] {
		return [...this.current].map(addressText);
	}
}

/** Value of a trusted resolver in the map. */
const TRUSTED = Buffer.from([1, 0, 0, 0]);
