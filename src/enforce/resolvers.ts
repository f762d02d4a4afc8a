import { existsSync, readFileSync, realpathSync } from "node:fs";
import { addressText, type Packed, packAddress, packedBytes } from "../address.ts";
import type { Logger } from "../logger.ts";
import type { Kernel } from "../native/binding.ts";

/** Files that name the host's resolvers. */
export const RESOLVER_FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] as const;

/** `nameserver` lines, see resolv.conf(5). */
export function parseResolvConf(text: string): string[] {
	const servers: string[] = [];
	for (const line of text.split("\n")) {
		const [keyword, server] = line.trim().split(/\s+/);
		if (keyword === "nameserver" && server !== undefined) servers.push(server);
	}
	return servers;
}

export interface ResolverSources {
	/** Content, or null if there is no such file. */
	readonly read: (path: string) => string | null;
	readonly resolvedRuns: () => boolean;
}

/** The host's resolvers and the policy's, packed; what is no address is left out. */
export function trustedResolvers(policy: readonly string[], sources: ResolverSources = hostSources): Set<Packed> {
	const [etc, resolved] = RESOLVER_FILES.map((file) => sources.read(file)).map((text) =>
		text === null ? [] : parseResolvConf(text),
	);
	const named = [...(etc ?? []), ...(resolved ?? [])];
	/* resolv.conf(5): without a nameserver line the local machine is asked. */
	if ((etc ?? []).length === 0) named.push("127.0.0.1", "::1");
	if (sources.resolvedRuns()) named.push("127.0.0.53", "127.0.0.54");
	const packed = new Set<Packed>();
	for (const text of [...named, ...policy]) {
		const address = packAddress(text);
		if (address !== null) packed.add(address);
	}
	return packed;
}

/** Brings the kernel's map to exactly these. New ones first: no moment without a resolver that stays. Returns what changed. */
export function installResolvers(
	kernel: Pick<Kernel, "dump" | "update" | "remove">,
	wanted: ReadonlySet<Packed>,
): { added: number; removed: number } {
	const { keys, count } = kernel.dump("resolvers");
	const present = new Set<Packed>();
	for (let index = 0; index < count; index++) present.add(keys.toString("latin1", index * 16, index * 16 + 16));
	let added = 0;
	let removed = 0;
	for (const address of wanted) {
		if (present.has(address)) continue;
		kernel.update("resolvers", packedBytes(address), Buffer.from([1, 0, 0, 0]));
		added++;
	}
	for (const address of present)
		if (!wanted.has(address) && kernel.remove("resolvers", packedBytes(address))) removed++;
	return { added, removed };
}

/** The resolvers that are trusted now, here and in the kernel. */
export class TrustedResolvers {
	current: ReadonlySet<Packed> = new Set();
	readonly #kernel: Pick<Kernel, "dump" | "update" | "remove">;
	readonly #log: Logger;

	constructor(kernel: Pick<Kernel, "dump" | "update" | "remove">, log: Logger) {
		this.#kernel = kernel;
		this.#log = log;
	}

	/** The host's, as its files say now, and the policy's. */
	update(policy: readonly string[]): void {
		this.current = trustedResolvers(policy);
		const { added, removed } = installResolvers(this.#kernel, this.current);
		if (added + removed > 0) this.#log.info("trusted resolvers", { resolvers: this.texts() });
	}

	texts(): string[] {
		return [...this.current].map(addressText);
	}
}

/** The files to watch: resolv.conf is often a link, and the file behind it is what changes. */
export function resolverFilesToWatch(): string[] {
	const files = new Set<string>(RESOLVER_FILES);
	try {
		files.add(realpathSync(RESOLVER_FILES[0]));
	} catch {
		/* no resolv.conf */
	}
	return [...files];
}

const hostSources: ResolverSources = {
	read(path) {
		try {
			return readFileSync(path, "utf8");
		} catch {
			return null;
		}
	},
	resolvedRuns: () =>
		existsSync("/run/systemd/resolve/io.systemd.Resolve") || existsSync("/run/systemd/resolve/stub-resolv.conf"),
};
