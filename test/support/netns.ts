/**
 * Two network namespaces, client and server, joined by a veth pair. Every address used is for
 * documentation or benchmarks (RFC 5737, 2544, 3849), and exists only in these namespaces. The server answers on any address of
 * ANY4 and ANY6 (a local route), so that a test can use any number of destinations.
 *
 *     client 198.51.100.1, 2001:db8::1  ── veth ──  server 198.51.100.2, 2001:db8::2, any of ANY4 and ANY6
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ANY4, ANY6, CLIENT4, CLIENT6, DNS4, DNS6, ROGUE4, SERVER4, SERVER6 } from "./addresses.ts";
import type { Cleanup } from "./cleanup.ts";
import { must, SLOW } from "./run.ts";

export const NETNS_PREFIX = "sallyport-";
let made = 0;

export interface Network {
	readonly client: string;
	readonly server: string;
	/**
	 * argv that runs the command in the client's or the server's namespace, with the test's resolv.conf. The pid stays the
	 * same.
	 */
	inClient(argv: readonly string[]): string[];
	inServer(argv: readonly string[]): string[];
}

export function makeNetwork(cleanup: Cleanup, folder: string): Network {
	made += 1;
	const name = `${NETNS_PREFIX}${process.pid}-${made}`;
	const client = addNamespace(`${name}c`, cleanup);
	const server = addNamespace(`${name}s`, cleanup);
	must("ip", "-n", client, "link", "add", "up0", "type", "veth", "peer", "name", "down0", "netns", server);
	for (const [ns, link, own] of [
		[client, "up0", [`${CLIENT4}/24`, `${CLIENT6}/64`]],
		[server, "down0", [`${SERVER4}/24`, `${SERVER6}/64`, `${DNS4}/24`, `${DNS6}/64`, `${ROGUE4}/24`]],
	] as const) {
		for (const address of own)
			must("ip", "-n", ns, "addr", "add", address, "dev", link, ...(address.includes(":") ? ["nodad"] : []));
		must("ip", "-n", ns, "link", "set", link, "up");
	}
	must("ip", "-n", client, "route", "add", "default", "via", SERVER4);
	must("ip", "-n", client, "-6", "route", "add", "default", "via", SERVER6);
	must("ip", "-n", server, "route", "add", "local", ANY4, "dev", "lo");
	must("ip", "-n", server, "-6", "route", "add", "local", ANY6, "dev", "lo");
	const resolv = join(folder, "resolv.conf");
	writeFileSync(resolv, `nameserver ${DNS4}\noptions timeout:${Math.min(2 * SLOW, 30)} attempts:2\n`);
	return {
		client,
		server,
		inClient: (argv) => enter(client, resolv, argv),
		inServer: (argv) => enter(server, resolv, argv),
	};
}

/** A single namespace, with loopback up. */
export function addNamespace(name: string, cleanup: Cleanup): string {
	must("ip", "netns", "add", name);
	cleanup.defer(`namespace ${name}`, () => {
		if (existsSync(`/run/netns/${name}`)) must("ip", "netns", "del", name);
	});
	/* Disables duplicate address detection, which would delay the first packets by a second. */
	must("nsenter", `--net=/run/netns/${name}`, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad");
	must("ip", "-n", name, "link", "set", "lo", "up");
	return name;
}

/** Like `ip netns exec`, but without files below /etc: only the command sees the mount. */
function enter(ns: string, resolv: string, argv: readonly string[]): string[] {
	const script = 'mount --bind "$1" /etc/resolv.conf && ns=$0 && shift && exec nsenter --net="$ns" -- "$@"';
	return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, `/run/netns/${ns}`, resolv, ...argv];
}
