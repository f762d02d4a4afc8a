import { NODATA, NOTFOUND, Resolver } from "node:dns/promises";
import { LIMITS, TIMES } from "../base/config.ts";

export interface Found {
	readonly address: string;
	/** [s] */
	readonly ttl: number;
}

export interface Lookup {
	readonly found: readonly Found[];
	/** No server answered for A, for AAAA, or for both. */
	readonly unanswered: boolean;
}

export type QueryAddresses = (name: string, resolvers: readonly string[]) => Promise<Lookup>;

/** Queries the servers for A and AAAA, one server after the other. A new Resolver has no cache. */
export async function queryAddresses(name: string, servers: readonly string[]): Promise<Lookup> {
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

/** Errors that are answers: the name, or its addresses of this family, do not exist. */
const NOT_FOUND: ReadonlySet<unknown> = new Set([NOTFOUND, NODATA]);
