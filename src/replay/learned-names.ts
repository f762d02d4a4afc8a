import { isLearnable, type Packed } from "../base/address.ts";
import { NAMES_PER_ADDRESS } from "../native/layout.ts";
import type { LearnedAddress } from "./finding.ts";

const SECOND = 1_000_000_000n;

interface Learned {
	/** End of validity, with floor and grace, since 1970 [ns]. */
	readonly until: bigint;
	readonly name: string;
}

/** Names by the addresses that DNS answered for them, in the time of the capture. */
export class LearnedNames {
	readonly #byAddress = new Map<Packed, Map<string, Learned>>();
	readonly #ttl: { readonly floor: number; readonly grace: number };

	/** @param ttl an address expires after max(ttl, floor) + grace [s] */
	constructor(ttl: { readonly floor: number; readonly grace: number }) {
		this.#ttl = ttl;
	}

	/** @param time of the answer, since 1970 [ns] */
	learn(name: string, addresses: readonly LearnedAddress[], time: bigint): void {
		const plain = name.replace(/\.$/, "").toLowerCase();
		for (const { address, ttl } of addresses) {
			if (!isLearnable(address)) continue;
			const names = this.#byAddress.get(address) ?? new Map<string, Learned>();
			const until = time + BigInt(Math.max(ttl, this.#ttl.floor) + this.#ttl.grace) * SECOND;
			names.delete(plain);
			names.set(plain, { name: plain, until });
			this.#byAddress.set(address, names);
		}
	}

	/** Names that are valid at `time`, the longest-lived first, at most as many as the kernel keeps. */
	at(address: Packed, time: bigint): readonly string[] {
		return [...(this.#byAddress.get(address)?.values() ?? [])]
			.filter(({ until }) => until >= time)
			.sort((a, b) => (a.until < b.until ? 1 : a.until > b.until ? -1 : 0))
			.slice(0, NAMES_PER_ADDRESS)
			.map(({ name }) => name);
	}

	/** The name learned last, whether or not it has expired. */
	latest(address: Packed): string | null {
		return [...(this.#byAddress.get(address)?.keys() ?? [])].at(-1) ?? null;
	}
}
