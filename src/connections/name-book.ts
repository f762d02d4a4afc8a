import { addressText, type Packed } from "../base/address.ts";
import { BoundedMap } from "../base/lru.ts";
import type { NameRecord } from "../records/contract.ts";

/** One address of a DNS answer. */
export interface Answer {
	readonly name: string;
	readonly address: Packed;
	/** Seconds. */
	readonly ttl: number;
	/** Wall clock, ms. */
	readonly time: number;
	readonly trusted: boolean;
}

/** What DNS gave for each name, in bounded memory. */
export class NameBook {
	readonly #byName: BoundedMap<string, Map<Packed, Given>>;

	constructor(limit: number) {
		this.#byName = new BoundedMap(limit);
	}

	answered({ name, address, ttl, time, trusted }: Answer): void {
		let given = this.#byName.get(name);
		if (given === undefined) {
			given = new Map();
			this.#byName.set(name, given);
		}
		const first = given.get(address)?.first ?? time;
		given.delete(address);
		given.set(address, { ttl, first, last: time, trusted });
		if (given.size > ADDRESSES) given.delete(given.keys().next().value ?? "");
	}

	/** The latest first. */
	addressesOf(name: string): NameRecord["addresses"] {
		const all = [...(this.#byName.get(name) ?? [])].reverse();
		return all.map(([address, { ttl, first, last, trusted }]) => ({
			address: addressText(address),
			ttl,
			first: new Date(first).toISOString(),
			last: new Date(last).toISOString(),
			trusted,
		}));
	}
}

interface Given {
	readonly ttl: number;
	readonly first: number;
	readonly last: number;
	readonly trusted: boolean;
}

const ADDRESSES = 32;
