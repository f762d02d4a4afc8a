import { addressText, type Packed, packAddress, packedBytes } from "../base/address.ts";
import { LIMITS, TIMES, type WarmUp } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import { LEARN_REQUEST } from "../native/layout.ts";
import { NETNS_ANY } from "../native/learned-key.ts";
import type { Policy } from "../policy/model.ts";
import { flushCaches } from "./flush-caches.ts";
import { type KeptAddress, KeptName, type Lifetime } from "./kept-name.ts";
import { type QueryAddresses, queryAddresses } from "./query-addresses.ts";

export interface NameKeeperOptions {
	readonly kernel: Pick<Kernel, "testRun">;
	readonly how: WarmUp;
	/** Addresses. */
	readonly resolvers: () => readonly string[];
	readonly log: Logger;
	readonly query?: QueryAddresses;
	readonly flush?: () => Promise<readonly string[]>;
	/** Monotonic [ms]. */
	readonly now?: () => number;
	readonly random?: () => number;
}

/** Numbers of names: resolved again before they expire; of those, without an answer at the last query; over the limit. */
export interface KeptNames {
	readonly kept: number;
	readonly unanswered: number;
	readonly leftOut: number;
}

/**
 * The kernel learns addresses from the answers that programs get. It has seen none of those from before the start, and
 * none follows if a program keeps an address for longer than its TTL. So the daemon flushes the host's caches, and
 * resolves the exact names of allow rules, again and again before they expire. Nothing waits for it.
 */
export class NameKeeper {
	readonly counts = { answered: 0, failed: 0 };
	readonly #o: NameKeeperOptions;
	readonly #now: () => number;
	readonly #names = new Map<string, KeptName>();
	#lifetime: Lifetime = { floor: 0, grace: 0 };
	#leftOut = 0;
	#running = 0;
	#timer: NodeJS.Timeout | null = null;
	#isClosed = false;
	/** Names whose first answers the log has not reported, and the addresses that they gave. */
	#unreported: { names: number; addresses: number } | null = null;

	constructor(options: NameKeeperOptions) {
		this.#o = options;
		this.#now = options.now ?? (() => performance.now());
	}

	get kept(): KeptNames {
		let unanswered = 0;
		for (const { failures } of this.#names.values()) if (failures > 0) unanswered++;
		return { kept: this.#names.size, unanswered, leftOut: this.#leftOut };
	}

	/** Keeps the names of the policy. `fresh`: the programs were loaded just now and have seen no answer yet. */
	begin(policy: Policy, fresh: boolean): void {
		const flushed = fresh ? this.flush(policy) : Promise.resolve();
		void flushed.then(() => this.keep(policy)).catch((error) => this.#o.log.error("warm-up failed", { error }));
	}

	async flush(policy: Policy): Promise<void> {
		if (this.#o.how === "none" || !policy.rules.some(({ to }) => to.domain !== null)) return;
		const flushed = await (this.#o.flush ?? flushCaches)();
		if (flushed.length > 0) this.#o.log.info("resolver caches flushed", { of: flushed });
	}

	/** Keeps the names of this policy instead of those of the last one. Names without an answer are tried at once. */
	keep(policy: Policy): void {
		if (this.#o.how !== "resolve" || this.#isClosed) return;
		this.#lifetime = policy.ttl;
		const all = exactNames(policy);
		const wanted = new Set(all.slice(0, LIMITS.keptNames));
		this.#leftOut = all.length - wanted.size;
		for (const name of this.#names.keys()) if (!wanted.has(name)) this.#names.delete(name);
		const now = this.#now();
		let added = 0;
		for (const name of wanted) {
			const known = this.#names.get(name);
			if (known === undefined) this.#names.set(name, new KeptName(name, now));
			else if (known.failures > 0) known.due = Math.min(known.due, now);
			if (known === undefined || known.failures > 0) added++;
		}
		if (added > 0) this.#unreported = { names: added, addresses: 0 };
		this.#run();
	}

	/** A trusted resolver has answered a program, which may keep the address. */
	answered(name: string, address: Packed, netns: number): void {
		this.#names.get(name)?.seen(address, netns, this.#now());
	}

	/** A program has opened an allowed connection to an address of the name, or has ended one. */
	used(name: string, address: Packed, netns: number): void {
		this.#names.get(name)?.used(address, netns, this.#now());
	}

	close(): void {
		this.#isClosed = true;
		if (this.#timer !== null) clearTimeout(this.#timer);
	}

	/* Begins the queries that are due, at most LIMITS.resolvedAtOnce at a time, and waits for the next. */
	#run(): void {
		if (this.#timer !== null) clearTimeout(this.#timer);
		this.#timer = null;
		if (this.#isClosed) return;
		const now = this.#now();
		let next = Number.POSITIVE_INFINITY;
		for (const each of this.#names.values()) {
			if (this.#running >= LIMITS.resolvedAtOnce) return;
			if (each.due <= now) void this.#resolve(each);
			else if (each.due < next) next = each.due;
		}
		if (next < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#run(), next - now).unref();
	}

	async #resolve(each: KeptName): Promise<void> {
		this.#running++;
		each.due = Number.POSITIVE_INFINITY;
		/* Resolvers that do not answer would let short-lived addresses expire meanwhile. */
		for (const kept of each.addresses(this.#now())) this.#learn(each.name, kept, TIMES.keptQuery / 1_000);
		const resolvers = this.#o.resolvers();
		const query = this.#o.query ?? queryAddresses;
		const lookup =
			resolvers.length === 0
				? UNANSWERED
				: await query(each.name, resolvers).catch((error: unknown) => {
						this.#o.log.debug("a name cannot be queried", { name: each.name, error });
						return UNANSWERED;
					});
		this.#running--;
		if (this.#isClosed) return;
		const found = new Map<Packed, number>();
		for (const { address, ttl } of lookup.found) {
			const packed = packAddress(address);
			if (packed !== null) found.set(packed, ttl);
		}
		const now = this.#now();
		each.answered(found, lookup, this.#lifetime, now, (this.#o.random ?? Math.random)());
		this.counts[lookup.unanswered ? "failed" : "answered"]++;
		/* A later policy may have dropped the name meanwhile. */
		if (this.#names.get(each.name) === each) this.#learnAll(each, found, now);
		this.#report();
		this.#run();
	}

	#learnAll(each: KeptName, found: ReadonlyMap<Packed, number>, now: number): void {
		const ttl = each.ttl(now);
		for (const kept of each.addresses(now)) {
			const { address, netns } = kept;
			const learned = this.#learn(each.name, kept, Math.max(ttl, found.get(address) ?? 0));
			if (learned && netns === NETNS_ANY && found.has(address) && this.#unreported !== null)
				this.#unreported.addresses++;
		}
	}

	#learn(name: string, { address, netns }: KeptAddress, ttl: number): boolean {
		const request = Buffer.alloc(LEARN_REQUEST.bytes);
		packedBytes(address).copy(request, LEARN_REQUEST.address);
		request.writeBigUInt64LE(BigInt(netns), LEARN_REQUEST.netns);
		request.writeUInt32LE(ttl >>> 0, LEARN_REQUEST.ttl);
		request.writeUInt16LE(name.length, LEARN_REQUEST.nameLength);
		request.write(name, LEARN_REQUEST.name, "latin1");
		const { retval, data } = this.#o.kernel.testRun("learn_address", request, 1);
		const learned = retval === 0 && data.readUInt8(LEARN_REQUEST.learned) === 1;
		if (!learned) this.#o.log.debug("an address was not learned", { name, address: addressText(address) });
		return learned;
	}

	#report(): void {
		if (this.#unreported === null) return;
		for (const { isTried } of this.#names.values()) if (!isTried) return;
		const { unanswered, leftOut } = this.kept;
		this.#o.log.info("names of the policy resolved", { ...this.#unreported, unanswered, leftOut });
		this.#unreported = null;
	}
}

const UNANSWERED = { found: [], unanswered: true } as const;

/** Domains without a wildcard that allow rules name, in the order of the rules. */
export function exactNames(policy: Policy): string[] {
	const names = new Set<string>();
	for (const { action, preset, to } of policy.rules) {
		if (action !== "allow" || preset !== null) continue;
		for (const patterns of to.domain ?? []) for (const each of patterns) if (!each.includes("*")) names.add(each);
	}
	return [...names];
}
