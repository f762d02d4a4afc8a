import type { CliCommand } from "./cli-command.ts";
import { portRange } from "./options.ts";

/** The filters of the API, as options: the same words, all that are given must hold. */
export function addFilters(command: CliCommand, presets: { readonly since?: string } = {}): CliCommand {
	command
		.choice("--verdict <verdict>", "what was decided", ["allow", "deny", "would_deny"])
		.choice("--phase <phase>", "the phase that decided", ["dns", "connect", "tls", "http"]);
	command.option("--since <when>", "active since: 15m, 2h, 7d, or a time (2026-01-31T12:00:00Z)", presets.since);
	for (const [flags, description] of TEXTS) command.option(flags, description);
	return command
		.option("--port <port>", "destination port, or a range: 8000-8999", portRange)
		.choice("--kind <kind>", "connections or DNS questions alone", ["connection", "dns"])
		.option("--open", "only those that are open");
}

export type FilterOptions = Readonly<Record<string, unknown>>;

/** The options that were given, as a query. */
export function filterQuery(options: FilterOptions, more: readonly string[] = []): URLSearchParams {
	const query = new URLSearchParams();
	for (const name of [...FILTERS, ...more]) {
		const value = options[name];
		if (value !== undefined) query.set(name, String(value));
	}
	return query;
}

const TEXTS: readonly (readonly [flags: string, description: string])[] = [
	["--until <when>", "began before"],
	["--name <name>", 'domain; "*" is one label, "**" in front any number'],
	["--address <address>", "address or prefix"],
	["--protocol <protocol>", "tcp, udp, icmp, icmp6 or a number"],
	["--process <process>", "pid, comm, or the program's path or file name"],
	["--exe <path>", "the program's path or file name"],
	["--unit <unit>", "systemd unit"],
	["--container <id>", "container id or its first digits"],
	["--user <user>", "user name or uid"],
	["--rule <rule>", "rule that decided, or an alert rule that matched"],
	["--group <group>", "group of that rule"],
];

const FILTERS = [
	...["since", "until", "verdict", "phase", "name", "address", "port", "protocol", "process", "exe"],
	...["unit", "container", "user", "rule", "group", "kind", "open"],
];
