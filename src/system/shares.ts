import type { Caller } from "./peer.ts";

export interface ShareLimits {
	/** Of all callers together. */
	readonly all: number;
	/** Of one caller. Root on the unix socket has no such limit. */
	readonly each: number;
	/** Of `all`, those that only root on the unix socket may have. */
	readonly kept: number;
}

/** `each`: the caller has its share. `all`: every place is taken, and no caller has many more than this one. */
export type Refused = "each" | "all";

export interface Place {
	readonly release: () => void;
}

export function isPlace(result: Place | Refused): result is Place {
	return typeof result !== "string";
}

interface Held {
	readonly caller: Caller;
	readonly end: () => void;
}

/**
 * Places for work that lasts, such as streams. What is unused is lent: if all places are taken, a caller with fewer of
 * them takes over the newest place of the caller with the most.
 */
export class Shares {
	readonly #limits: ShareLimits;
	/** In the order in which they were taken. */
	readonly #held = new Set<Held>();

	constructor(limits: ShareLimits) {
		this.#limits = limits;
	}

	/** `end` ends the work; it is called when another caller takes the place over. Release() is then without effect. */
	take(caller: Caller, end: () => void): Place | Refused {
		const { all, each, kept } = this.#limits;
		const others = [...this.#held].filter(({ caller: { isFirst } }) => !isFirst);
		const own = others.filter((held) => held.caller.id === caller.id).length;
		if (!caller.isFirst && own >= each) return "each";
		const isFull = this.#held.size >= all || (!caller.isFirst && others.length >= all - kept);
		if (isFull && !this.#takeOver(others, caller.isFirst ? 0 : own + 2)) return "all";
		const held = { caller, end };
		this.#held.add(held);
		return { release: () => void this.#held.delete(held) };
	}

	/** @param least places of the caller that loses one */
	#takeOver(others: readonly Held[], least: number): boolean {
		const counts = new Map<string, number>();
		for (const { caller } of others) counts.set(caller.id, (counts.get(caller.id) ?? 0) + 1);
		const most = Math.max(0, ...counts.values());
		const newest = others.findLast(({ caller }) => counts.get(caller.id) === most);
		if (newest === undefined || most < least) return false;
		this.#held.delete(newest);
		newest.end();
		return true;
	}
}
