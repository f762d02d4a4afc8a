import { existsSync, mkdirSync, readlinkSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Logger } from "../base/logger.ts";
import { readRegular } from "../system/read-file.ts";

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

/** The suffixes of the last `search` or `domain` line, see resolv.conf(5). */
export function parseSearch(text: string): string[] {
	let suffixes: string[] = [];
	for (const line of text.split("\n")) {
		const [keyword, ...rest] = line.trim().split(/\s+/);
		if (keyword === "search" || keyword === "domain") suffixes = keyword === "domain" ? rest.slice(0, 1) : rest;
	}
	return suffixes;
}

/** Suffixes that resolver libraries of the host append to names, as written. */
export function hostSearch({ read }: Pick<ResolverSources, "read">): string[] {
	return RESOLVER_FILES.flatMap((file) => parseSearch(read(file) ?? ""));
}

export interface ResolverSources {
	/** Content of a file, or null if it cannot be read. */
	readonly read: (path: string) => string | null;
	/** Target of a symbolic link, which need not exist; null: not a link. */
	readonly linkOf: (path: string) => string | null;
	readonly resolvedRuns: () => boolean;
	/** Servers that the files named last, for use early in a boot, before the files are written. */
	readonly remembered: () => readonly string[];
}

/** Servers of the host as written in the files, including values that are not addresses. */
export function hostResolvers({ read, linkOf, resolvedRuns, remembered }: ResolverSources): string[] {
	const [etc, resolved] = RESOLVER_FILES.map((file) => {
		const text = read(file);
		return text === null ? null : parseResolvConf(text);
	});
	const link = linkOf(RESOLVER_FILES[0]);
	const stub =
		resolvedRuns() || link?.startsWith(RESOLVED) === true || (etc ?? []).some((server) => STUBS.includes(server));
	const named = [...(etc ?? []), ...(resolved ?? [])];
	/* resolv.conf(5): the default is the local machine. */
	if ((etc ?? []).length === 0) named.push("127.0.0.1", "::1");
	if (stub) named.push(...STUBS);
	const isPending = (etc === null && link !== null) || (stub && resolved === null);
	return isPending ? [...named, ...remembered()] : named;
}

/** The files to watch, including the target of resolv.conf, which is often a link. */
export function resolverFilesToWatch(): string[] {
	const files = new Set<string>(RESOLVER_FILES);
	try {
		files.add(realpathSync(RESOLVER_FILES[0]));
	} catch {
		/* There is no resolv.conf. */
	}
	return [...files];
}

/** Sources of a running daemon: the files only. */
export const hostSources: ResolverSources = {
	read(path) {
		try {
			return readRegular(path, RESOLV_CONF_BYTES).toString("utf8");
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

/** Sources at boot, when the files may not be written yet. */
export function bootSources(stateDir: string, sources: ResolverSources = hostSources): ResolverSources {
	return { ...sources, remembered: () => parseResolvConf(sources.read(savedFile(stateDir)) ?? "") };
}

/** Saves the servers that the files name for the next boot. If they name none, as without a network, the saved ones are kept. */
export function rememberResolvers(stateDir: string, log: Logger, sources: ResolverSources = hostSources): void {
	const named = RESOLVER_FILES.flatMap((file) => parseResolvConf(sources.read(file) ?? ""));
	const servers = [...new Set(named)].filter((server) => !server.startsWith("127.") && server !== "::1");
	const file = savedFile(stateDir);
	const text = servers.map((server) => `nameserver ${server}\n`).join("");
	if (text === "" || text === sources.read(file)) return;
	try {
		mkdirSync(stateDir, { recursive: true, mode: 0o750 });
		writeFileSync(`${file}.new`, text, { mode: 0o640 });
		renameSync(`${file}.new`, file);
	} catch (error) {
		log.warn("the resolvers cannot be saved for the next boot", { error });
	}
}

/** glibc reads three servers; more than a few lines is no resolv.conf. */
const RESOLV_CONF_BYTES = 256 * 1024;
const RESOLVED = "/run/systemd/resolve/";
/* systemd-resolved.service(8) */
const STUBS: readonly string[] = ["127.0.0.53", "127.0.0.54"];

function savedFile(stateDir: string): string {
	return join(stateDir, "resolv.conf");
}
