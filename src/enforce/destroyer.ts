import { packedBytes } from "../base/address.ts";
import { BoundedMap } from "../base/bounded.ts";
import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import { cookieBits } from "../native/decode.ts";
import type { DecisionEvent } from "../native/event-views.ts";
import { hostNamespaces, type Namespaces } from "../system/netns.ts";

export interface DestroyerOptions {
	readonly kernel: Pick<Kernel, "destroySocket">;
	readonly log: Logger;
	readonly namespaces?: Namespaces;
}

export type DestroyResult = "destroyed" | "gone" | "failed";

/**
 * Ends TCP sockets that were denied after they were connected. The kernel drops their packets already. Ending the
 * socket gives the program an error within milliseconds instead of its own timeout.
 */
export class Destroyer {
	readonly counts: Record<DestroyResult, number> = { destroyed: 0, gone: 0, failed: 0 };
	readonly #o: DestroyerOptions;
	readonly #namespaces: Namespaces;
	readonly #own: string | null;
	/** By socket cookie. */
	readonly #underWay = new Map<number, Promise<void>>();
	/* Path by cookie of the network namespace; null: the daemon's own. */
	readonly #known = new BoundedMap<number, string | null>(1_024);

	constructor(options: DestroyerOptions) {
		this.#o = options;
		this.#namespaces = options.namespaces ?? hostNamespaces;
		this.#own = this.#namespaces.of("self");
	}

	destroy(event: DecisionEvent): void {
		if (this.#underWay.has(event.cookie)) return;
		const done = this.#destroy(event)
			.then(
				(errno) => this.#count(errno === 0 ? "destroyed" : errno === ENOENT ? "gone" : "failed", errno),
				(error: unknown) => this.#count("failed", error),
			)
			.finally(() => this.#underWay.delete(event.cookie));
		this.#underWay.set(event.cookie, done);
	}

	/** Resolves when every attempt has succeeded or failed. */
	async settled(): Promise<void> {
		await Promise.all(this.#underWay.values());
	}

	async #destroy(event: DecisionEvent): Promise<number> {
		const current = event.tgid === 0 ? null : this.#namespaces.of(event.tgid);
		if (current !== null) {
			const path = current === this.#own ? null : this.#namespaces.path(event.tgid);
			if (event.netns !== 0) this.#known.set(event.netns, path);
			return this.#attempt(event, path);
		}
		/* The process has ended, or the socket is older than the daemon. */
		const known = this.#known.get(event.netns);
		const errno = await this.#attempt(event, known ?? null).catch(() => ENOENT);
		if (errno !== ENOENT || known === null) return errno;
		return this.#search(event);
	}

	/* The cookie of a namespace cannot be read from outside of it. A socket's cookie is unique on the host, so a try
	 * in a wrong namespace ends no other socket. */
	async #search(event: DecisionEvent): Promise<number> {
		const tried = new Set([this.#own]);
		for (let round = 0, left = true; left && round < SEARCHES; round++) {
			left = false;
			for (const [id, pid] of this.#namespaces.all()) {
				if (tried.has(id)) continue;
				const path = this.#namespaces.path(pid);
				const errno = await this.#attempt(event, path).catch(() => ENOENT);
				if (errno === 0 && event.netns !== 0) this.#known.set(event.netns, path);
				if (errno !== ENOENT) return errno;
				/* The process may have ended meanwhile. Another one then leads to the namespace in the next round. */
				if (this.#namespaces.of(pid) === id) tried.add(id);
				else left = true;
			}
		}
		return ENOENT;
	}

	#attempt(event: DecisionEvent, netns: string | null): Promise<number> {
		return this.#o.kernel.destroySocket({
			protocol: event.protocol,
			local: packedBytes(event.local),
			localPort: event.localPort,
			remote: packedBytes(event.remote),
			remotePort: event.remotePort,
			cookie: cookieBits(event.cookie),
			netns,
		});
	}

	#count(result: DestroyResult, cause: unknown): void {
		this.counts[result]++;
		if (result !== "failed") return;
		this.#o.log.warn("a denied socket cannot be ended; its packets are still dropped", { cause });
	}
}

const ENOENT = 2;
/** Rounds over all namespaces, while the processes that lead to them end. */
const SEARCHES = 5;
