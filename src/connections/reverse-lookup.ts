import type { Packed } from "../base/address.ts";
import { BoundedMap } from "../base/bounded.ts";

/** The names for which DNS gave an address, with the process that received the answer; and the text of each name by its hash. Bounded. */
export class ReverseLookup {
	readonly #byHash: BoundedMap<number, string>;
	readonly #byAddress: BoundedMap<Packed, NameOfAddress[]>;

	constructor(limits: { readonly names: number; readonly addresses: number }) {
		this.#byHash = new BoundedMap(limits.names);
		this.#byAddress = new BoundedMap(limits.addresses);
	}

	remember(hash: number, name: string): void {
		if (hash !== 0 && name !== "" && this.#byHash.get(hash) !== name) this.#byHash.set(hash, name);
	}

	text(hash: number): string | null {
		return this.#byHash.get(hash) ?? null;
	}

	answered(address: Packed, answer: NameOfAddress): void {
		const list = this.#byAddress.get(address);
		if (list === undefined) {
			this.#byAddress.set(address, [answer]);
			return;
		}
		const same = list.findIndex(
			(each) => each.pid === answer.pid && each.start === answer.start && each.name === answer.name,
		);
		if (same >= 0) list.splice(same, 1);
		else if (list.length >= NAMES_OF_ADDRESS) list.shift();
		list.push(answer);
		this.#byAddress.set(address, list);
	}

	/** The latest name that this process resolved to the address, or null. `start` as in NameOfAddress. */
	ofProcess(address: Packed, pid: number, start: number): NameOfAddress | null {
		return this.#latest(address, (each) => each.pid === pid && each.start === start);
	}

	/** The latest name that any process resolved to the address by a trusted resolver, or null. */
	ofAnyone(address: Packed): NameOfAddress | null {
		return this.#latest(address, (each) => each.shared);
	}

	#latest(address: Packed, matches: (each: NameOfAddress) => boolean): NameOfAddress | null {
		return this.#byAddress.get(address)?.findLast(matches) ?? null;
	}
}

export interface NameOfAddress {
	readonly name: string;
	/** 53 bits of the name's hash. */
	readonly hash: number;
	readonly pid: number;
	/** Start of the process, CLOCK_BOOTTIME [ns]. */
	readonly start: number;
	/** The resolver is trusted, so the name may be shown for connections of other processes. */
	readonly shared: boolean;
}

/** Maximum number of names kept for one address. */
const NAMES_OF_ADDRESS = 8;
