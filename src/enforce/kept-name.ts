import type { Packed } from "../base/address.ts";
import { LIMITS, TIMES } from "../base/config.ts";
import { NETNS_ANY } from "../native/learned-key.ts";
import type { Lookup } from "./query-addresses.ts";

/** Lifetime of an address that the kernel learns: max(TTL, floor) + grace [s]. */
export interface Lifetime {
	readonly floor: number;
	readonly grace: number;
}

export interface KeptAddress {
	readonly address: Packed;
	/** Network namespace in which a program was told of it; NETNS_ANY: the daemon was. */
	readonly netns: number;
	/** [ms] */
	readonly until: number;
}

/**
 * A name that is resolved again before its addresses expire. An address that the answers no longer have is kept for
 * TIMES.kept after the last answer with it or the last connection to it, because programs hold addresses for longer than
 * DNS allows. The same holds while no resolver answers (RFC 8767).
 */
export class KeptName {
	readonly name: string;
	/** Time of the next query [ms]; Infinity: one is on its way. */
	due: number;
	/** Queries since the last one that a server answered. */
	failures = 0;
	isTried = false;
	/** By namespace and address, the least recently seen first. */
	readonly #kept = new Map<string, KeptAddress>();
	/** The least TTL of the last answer with addresses [s]. */
	#ttl = 0;

	constructor(name: string, due: number) {
		this.name = name;
		this.due = due;
	}

	/** The addresses that are kept at a time [ms]. */
	addresses(now: number): KeptAddress[] {
		return [...this.#kept.values()].filter(({ until }) => until > now);
	}

	/** TTL of the kept addresses [s]. While no server answers, at least until the next query. */
	ttl(now: number): number {
		return this.failures === 0 ? this.#ttl : Math.max(this.#ttl, Math.ceil((this.due - now) / 1_000));
	}

	/** A resolver has returned the address. */
	seen(address: Packed, netns: number, now: number): void {
		const key = `${netns} ${address}`;
		this.#kept.delete(key);
		this.#kept.set(key, { address, netns, until: now + TIMES.kept });
		if (this.#kept.size <= LIMITS.keptAddresses) return;
		/* Whoever makes a namespace can give any answer there, so the daemon's own addresses are the last to be evicted. */
		let oldest: string | undefined;
		for (const [each, kept] of this.#kept) {
			oldest ??= each;
			if (kept.netns === NETNS_ANY) continue;
			oldest = each;
			break;
		}
		if (oldest !== undefined) this.#kept.delete(oldest);
	}

	/** A program has an allowed connection to the address, which it may open again. */
	used(address: Packed, netns: number, now: number): void {
		for (const each of [netns, NETNS_ANY]) if (this.#kept.has(`${each} ${address}`)) this.seen(address, each, now);
	}

	/** Takes in the result of a query, and sets the time of the next. `random`: from 0 to 1. */
	answered(found: ReadonlyMap<Packed, number>, lookup: Lookup, lifetime: Lifetime, now: number, random: number): void {
		this.isTried = true;
		for (const address of found.keys()) this.seen(address, NETNS_ANY, now);
		if (found.size > 0) this.#ttl = Math.min(...found.values());
		const jitter = 1 - random / 5;
		if (lookup.unanswered) {
			const pause = Math.min(TIMES.keptRetry * 2 ** this.failures++, TIMES.keptRetryMax);
			this.due = now + pause * jitter;
			return;
		}
		this.failures = 0;
		const lives = (Math.max(this.#ttl, lifetime.floor) + lifetime.grace) * 1_000;
		const pause = found.size === 0 ? TIMES.keptAbsent : lives * REFRESH;
		this.due = now + Math.min(Math.max(pause, TIMES.keptRetry), TIMES.keptMax) * jitter;
	}
}

/** Part of the lifetime after which a name is resolved again. Jitter makes it less, never more. */
const REFRESH = 0.7;
