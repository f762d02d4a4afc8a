import { addressText, type Packed } from "../base/address.ts";
import { BoundedMap } from "../base/bounded.ts";
import type { AnswerRecord, NameRecord } from "../records/contract.ts";

/** The addresses that DNS gave for each name. Bounded: the name with the oldest new address is evicted. */
export class ForwardLookup {
	readonly #byName: BoundedMap<string, Map<Packed, Given>>;

	/** `limit`: number of names. */
	constructor(limit: number) {
		this.#byName = new BoundedMap(limit);
	}

	answered({ name, address, ttl, time, trusted }: AnswerRecord): void {
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

	/** The latest answer first; empty if the name is unknown. */
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
	/** [s] */
	readonly ttl: number;
	/** Wall clock [ms]. */
	readonly first: number;
	readonly last: number;
	readonly trusted: boolean;
}

/** Maximum number of addresses kept for one name. */
const ADDRESSES = 32;
