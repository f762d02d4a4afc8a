import { addressText, type Packed, packAddress, packedBytes } from "../base/address.ts";
import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import { hostResolvers, hostSources, type ResolverSources, rememberResolvers } from "./host-resolvers.ts";

/** The host's resolvers and the policy's, packed; what is no address is left out. */
export function trustedResolvers(policy: readonly string[], sources: ResolverSources = hostSources): Set<Packed> {
	const packed = new Set<Packed>();
	for (const text of [...hostResolvers(sources), ...policy]) {
		const address = packAddress(text);
		if (address !== null) packed.add(address);
	}
	return packed;
}

/** Brings the kernel's map to exactly these. New ones first: no moment without a resolver that stays. Returns what changed. */
export function installResolvers(
	kernel: Pick<Kernel, "dump" | "update" | "remove">,
	wanted: ReadonlySet<Packed>,
): { added: number; removed: number } {
	const present = installedResolvers(kernel);
	let added = 0;
	let removed = 0;
	for (const address of wanted) {
		if (present.has(address)) continue;
		kernel.update("resolvers", packedBytes(address), Buffer.from([1, 0, 0, 0]));
		added++;
	}
	for (const address of present)
		if (!wanted.has(address) && kernel.remove("resolvers", packedBytes(address))) removed++;
	return { added, removed };
}

function installedResolvers(kernel: Pick<Kernel, "dump">): Set<Packed> {
	const { keys, count } = kernel.dump("resolvers");
	const present = new Set<Packed>();
	for (let index = 0; index < count; index++) present.add(keys.toString("latin1", index * 16, index * 16 + 16));
	return present;
}

/** The resolvers that are trusted now, here and in the kernel. */
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

	/** The host's, as its files say now, and the policy's; null: a policy is in force that nobody here has read, and what it trusts stays. */
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
