import { existsSync, mkdirSync, readFileSync, readlinkSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Logger } from "../base/logger.ts";

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
	/** Where a symbolic link leads, whether something is there or not; null: it is none. */
	readonly linkOf: (path: string) => string | null;
	readonly resolvedRuns: () => boolean;
	/** Asked while the files are still to be written, as early in a boot: what they said last. */
	readonly remembered: () => readonly string[];
}

/** As written: also what is no address. */
export function hostResolvers({ read, linkOf, resolvedRuns, remembered }: ResolverSources): string[] {
	const [etc, resolved] = RESOLVER_FILES.map((file) => {
		const text = read(file);
		return text === null ? null : parseResolvConf(text);
	});
	const link = linkOf(RESOLVER_FILES[0]);
	const stub =
		resolvedRuns() || link?.startsWith(RESOLVED) === true || (etc ?? []).some((server) => STUBS.includes(server));
	const named = [...(etc ?? []), ...(resolved ?? [])];
	/* resolv.conf(5): without a nameserver line the local machine is asked. */
	if ((etc ?? []).length === 0) named.push("127.0.0.1", "::1");
	if (stub) named.push(...STUBS);
	const isToCome = (etc === null && link !== null) || (stub && resolved === null);
	return isToCome ? [...named, ...remembered()] : named;
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

/** The files decide: what was remembered is for when there is no daemon yet. */
export const hostSources: ResolverSources = {
	read(path) {
		try {
			return readFileSync(path, "utf8");
		} catch {
			return null;
		}
	},
	linkOf(path) {
		try {
			return resolve(dirname(path), readlinkSync(path));
		} catch {
			return null;
		}
	},
	resolvedRuns: () => existsSync(`${RESOLVED}io.systemd.Resolve`) || existsSync(`${RESOLVED}stub-resolv.conf`),
	remembered: () => [],
};

/** At boot, before whoever writes the files has started. */
export function bootSources(stateDir: string, sources: ResolverSources = hostSources): ResolverSources {
	return { ...sources, remembered: () => parseResolvConf(sources.read(memoryFile(stateDir)) ?? "") };
}

/** Keeps the servers that the files name for the next boot. While they name none, as without a network, the ones before stay. */
export function rememberResolvers(stateDir: string, log: Logger, sources: ResolverSources = hostSources): void {
	const named = RESOLVER_FILES.flatMap((file) => parseResolvConf(sources.read(file) ?? ""));
	const servers = [...new Set(named)].filter((server) => !server.startsWith("127.") && server !== "::1");
	const file = memoryFile(stateDir);
	const text = servers.map((server) => `nameserver ${server}\n`).join("");
	if (text === "" || text === sources.read(file)) return;
	try {
		mkdirSync(stateDir, { recursive: true, mode: 0o750 });
		writeFileSync(`${file}.new`, text, { mode: 0o640 });
		renameSync(`${file}.new`, file);
	} catch (error) {
		log.warn("the resolvers could not be kept for the next boot", { error });
	}
}

const RESOLVED = "/run/systemd/resolve/";
/* systemd-resolved.service(8) */
const STUBS: readonly string[] = ["127.0.0.53", "127.0.0.54"];

function memoryFile(stateDir: string): string {
	return join(stateDir, "resolv.conf");
}
