/** The process in the server's namespace: DNS and listeners, controlled by messages from its parent. */
import { readFileSync } from "node:fs";
import { DnsServer, type Forgery, type Pieces } from "./dns-server.ts";
import { type Kind, Listeners } from "./listeners.ts";
import type { Zone } from "./zone.ts";

const [keyFile = "", certFile = ""] = process.argv.slice(2);
const dns = new DnsServer();
const listeners = new Listeners(readFileSync(keyFile, "utf8"), readFileSync(certFile, "utf8"));

/** The parent's requests. Each response has the request's number. */
export const commands = {
	dns: (addresses: string[]) => dns.listen(addresses),
	zone: (zone: Zone) => {
		dns.zone = zone;
	},
	/** How answers over TCP are sent. */
	pieces: (pieces: Pieces) => {
		dns.pieces = pieces;
	},
	/** Until the next call, this answer precedes the real one to every query over UDP. */
	forge: (forgery: Forgery | null) => {
		dns.forgery = forgery;
	},
	/** Queries are not answered from now on. */
	mute: () => {
		dns.isMute = true;
	},
	asked: () => dns.asked,
	listen: (kind: Kind, port: number) => listeners.listen(kind, port),
	record: () => listeners.record(),
	clear: () => {
		listeners.clear();
		dns.asked.length = 0;
	},
	/** Packet counters of this namespace, which include packets that no socket received. */
	snmp: () => snmp(),
};

process.on("message", async ({ id, name, args }: { id: number; name: keyof typeof commands; args: unknown[] }) => {
	try {
		const command = commands[name] as (...values: unknown[]) => unknown;
		process.send?.({ id, value: (await command(...args)) ?? null });
	} catch (error) {
		process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
	}
});
process.on("disconnect", () => process.exit(0));

function snmp(): Record<string, number> {
	const counters: Record<string, number> = {};
	const lines = readFileSync("/proc/self/net/snmp", "utf8").trim().split("\n");
	for (let at = 0; at + 1 < lines.length; at += 2) {
		const [keys = [], values = []] = [lines[at]?.split(" "), lines[at + 1]?.split(" ")];
		keys.slice(1).forEach((key, index) => {
			counters[`${keys[0]?.slice(0, -1)}.${key}`] = Number(values[index + 1]);
		});
	}
	for (const line of readFileSync("/proc/self/net/snmp6", "utf8").trim().split("\n")) {
		const [key = "", value] = line.split(/\s+/);
		counters[key] = Number(value);
	}
	return counters;
}
