import type { Packed } from "../base/address.ts";
import { BoundedMap } from "../base/lru.ts";

/** Names by hash, and which name DNS gave an address for, and to whom. */
export class Names {
	readonly #byHash: BoundedMap<number, string>;
	readonly #byAddress: BoundedMap<Packed, Asked[]>;

	constructor(limits: { readonly names: number; readonly addresses: number }) {
		this.#byHash = new BoundedMap(limits.names);
		this.#byAddress = new BoundedMap(limits.addresses);
	}

	get size(): number {
		return this.#byHash.size;
	}

	remember(hash: number, name: string): void {
		if (hash !== 0 && name !== "" && this.#byHash.get(hash) !== name) this.#byHash.set(hash, name);
	}

	text(hash: number): string | null {
		return this.#byHash.get(hash) ?? null;
	}

	/** DNS gave `address` to this process for the name. `shared`: others may be told too (the resolver is trusted). */
	answered(address: Packed, answer: Asked): void {
		const list = this.#byAddress.get(address);
		if (list === undefined) {
			this.#byAddress.set(address, [answer]);
			return;
		}
		const same = list.findIndex(
			(each) => each.pid === answer.pid && each.start === answer.start && each.name === answer.name,
		);
		if (same >= 0) list.splice(same, 1);
		else if (list.length >= ASKERS) list.shift();
		list.push(answer);
		this.#byAddress.set(address, list);
	}

	/** The latest name that this process asked for. */
	own(address: Packed, pid: number, start: number): Asked | null {
		return this.#latest(address, (each) => each.pid === pid && each.start === start);
	}

	/** The latest name that anyone asked a trusted resolver for. */
	anyone(address: Packed): Asked | null {
		return this.#latest(address, (each) => each.shared);
	}

	#latest(address: Packed, fits: (asked: Asked) => boolean): Asked | null {
		const list = this.#byAddress.get(address);
		if (list !== undefined) {
			for (let index = list.length - 1; index >= 0; index--) {
				const each = list[index];
				if (each !== undefined && fits(each)) return each;
			}
		}
		return null;
	}
}

export interface Asked {
	readonly name: string;
	readonly hash: number;
	readonly pid: number;
	readonly start: number;
	readonly shared: boolean;
}

const ASKERS = 8;
