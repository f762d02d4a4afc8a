import { execFile } from "node:child_process";
import { NODATA, NOTFOUND, Resolver } from "node:dns/promises";
import { existsSync } from "node:fs";
import { type Packed, packAddress, packedBytes } from "../base/address.ts";
import { LIMITS, TIMES, type WarmUp } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import type { Kernel } from "../native/binding.ts";
import { LEARN_REQUEST } from "../native/layout.ts";
import type { Policy } from "../policy/model.ts";

export interface WarmerOptions {
	readonly kernel: Pick<Kernel, "testRun">;
	readonly what: WarmUp;
	/** Addresses. */
	readonly resolvers: () => readonly string[];
	readonly log: Logger;
	readonly lookup?: Lookup;
	readonly flush?: () => Promise<readonly string[]>;
}

export interface Found {
	readonly address: string;
	/** [s] */
	readonly ttl: number;
}

export interface Looked {
	readonly found: readonly Found[];
	/** No server answered for A, for AAAA, or for both. */
	readonly unanswered: boolean;
}

export type Lookup = (name: string, resolvers: readonly string[]) => Promise<Looked>;

/**
 * The kernel has not seen the answers that programs and caches got before the daemon started. The host's caches are
 * flushed, so that the next query is seen, and the daemon resolves the names that the policy allows, for programs with
 * a cache of their own. Nothing waits for it.
 */
export class Warmer {
	readonly #o: WarmerOptions;
	readonly #asked = new Set<string>();

	constructor(options: WarmerOptions) {
		this.#o = options;
	}

	/** `fresh`: the programs were loaded just now and have seen no answer yet. */
	begin(policy: Policy, fresh: boolean): void {
		const flushed = fresh ? this.flush(policy) : Promise.resolve();
		void flushed.then(() => this.resolve(policy)).catch((error) => this.#o.log.error("warm-up failed", { error }));
	}

	async flush(policy: Policy): Promise<void> {
		if (this.#o.what === "none" || !policy.rules.some(({ to }) => to.domain !== null)) return;
		const flushed = await (this.#o.flush ?? flushCaches)();
		if (flushed.length > 0) this.#o.log.info("resolver caches flushed", { of: flushed });
	}

	/**
	 * Resolves the names that the policy allows, each once per daemon, and again with a later policy if no server
	 * answered.
	 */
	async resolve(policy: Policy): Promise<void> {
		if (this.#o.what !== "resolve") return;
		const names = exactNames(policy).filter((name) => !this.#asked.has(name));
		const wanted = names.slice(0, LIMITS.resolvedNames);
		const resolvers = this.#o.resolvers();
		if (wanted.length === 0 || resolvers.length === 0) return;
		for (const name of wanted) this.#asked.add(name);
		let addresses = 0;
		let unanswered = 0;
		const queue = wanted.values();
		const worker = async () => {
			for (const name of queue) {
				const looked = await (this.#o.lookup ?? askResolvers)(name, resolvers);
				for (const found of looked.found) if (this.#learn(name, found)) addresses++;
				if (looked.unanswered) {
					unanswered++;
					this.#asked.delete(name);
				}
			}
		};
		await Promise.all(Array.from({ length: LIMITS.resolvedAtOnce }, worker));
		this.#o.log.info("names of the policy resolved", {
			names: wanted.length,
			addresses,
			unanswered,
			leftOut: names.length - wanted.length,
		});
	}

	#learn(name: string, { address, ttl }: Found): boolean {
		const packed: Packed | null = packAddress(address);
		if (packed === null) return false;
		const request = Buffer.alloc(LEARN_REQUEST.bytes);
		packedBytes(packed).copy(request, LEARN_REQUEST.address);
		request.writeUInt32LE(ttl >>> 0, LEARN_REQUEST.ttl);
		request.writeUInt16LE(name.length, LEARN_REQUEST.nameLength);
		request.write(name, LEARN_REQUEST.name, "latin1");
		const { retval, data } = this.#o.kernel.testRun("learn_address", request, 1);
		return retval === 0 && data.readUInt8(LEARN_REQUEST.learned) === 1;
	}
}

/** Domains without a wildcard that allow rules name, in the order of the rules. */
export function exactNames(policy: Policy): string[] {
	const names = new Set<string>();
	for (const { action, preset, to } of policy.rules) {
		if (action !== "allow" || preset !== null) continue;
		for (const patterns of to.domain ?? []) for (const each of patterns) if (!each.includes("*")) names.add(each);
	}
	return [...names];
}

/** Errors that are answers: the name, or its addresses of this family, do not exist. */
const NOT_FOUND: ReadonlySet<unknown> = new Set([NOTFOUND, NODATA]);

async function askResolvers(name: string, servers: readonly string[]): Promise<Looked> {
	const resolver = new Resolver({ timeout: TIMES.resolve, tries: LIMITS.resolveTries });
	resolver.setServers([...servers]);
	const both = await Promise.allSettled([
		resolver.resolve4(name, { ttl: true }),
		resolver.resolve6(name, { ttl: true }),
	]);
	return {
		found: both.flatMap((each) => (each.status === "fulfilled" ? each.value : [])),
		unanswered: both.some((each) => each.status === "rejected" && !NOT_FOUND.has(each.reason.code)),
	};
}

const CACHES: readonly (readonly [name: string, socket: string, command: string, ...args: string[]])[] = [
	["systemd-resolved", "/run/systemd/resolve/io.systemd.Resolve", "resolvectl", "flush-caches"],
	["nscd", "/run/nscd/socket", "nscd", "--invalidate=hosts"],
];

async function flushCaches(): Promise<string[]> {
	const flushed: string[] = [];
	for (const [name, socket, command, ...args] of CACHES) {
		if (!existsSync(socket)) continue;
		const failed = await new Promise<Error | null>((done) => {
			execFile(command, args, { timeout: TIMES.flush }, done);
		});
		flushed.push(failed === null ? name : `${name} failed: ${failed.message}`);
	}
	return flushed;
}
