import type { Packed } from "../base/address.ts";
import { NAMES_PER_ADDRESS } from "../native/layout.ts";
import type { LearnedAddress } from "./finding.ts";

const SECOND = 1_000_000_000n;

interface Learned {
	/** Nanoseconds since 1970, floor and grace included. */
	readonly until: bigint;
	readonly name: string;
}

/** Names by the addresses that DNS gave for them, in the time of the capture. */
export class LearnedNames {
	readonly #byAddress = new Map<Packed, Map<string, Learned>>();
	readonly #ttl: { readonly floor: number; readonly grace: number };

	/** Seconds: a learned address lives max(ttl, floor) + grace. */
	constructor(ttl: { readonly floor: number; readonly grace: number }) {
		this.#ttl = ttl;
	}

	learn(name: string, addresses: readonly LearnedAddress[], time: bigint): void {
		const plain = name.replace(/\.$/, "").toLowerCase();
		for (const { address, ttl } of addresses) {
			const names = this.#byAddress.get(address) ?? new Map<string, Learned>();
			const until = time + BigInt(Math.max(ttl, this.#ttl.floor) + this.#ttl.grace) * SECOND;
			names.delete(plain);
			names.set(plain, { name: plain, until });
			this.#byAddress.set(address, names);
		}
	}

	/** Those that have not expired at `time`, the one that stays longest first. */
	at(address: Packed, time: bigint): readonly string[] {
		return [...(this.#byAddress.get(address)?.values() ?? [])]
			.filter(({ until }) => until >= time)
			.sort((a, b) => (a.until < b.until ? 1 : a.until > b.until ? -1 : 0))
			.slice(0, NAMES_PER_ADDRESS)
			.map(({ name }) => name);
	}

	/** The one learned last, expired or not. */
	latest(address: Packed): string | null {
		return [...(this.#byAddress.get(address)?.keys() ?? [])].at(-1) ?? null;
	}
}
