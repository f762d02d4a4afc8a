import type { Command } from "commander";
import { DEFAULTS } from "../config.ts";
import type { ConnectionView } from "../connections/view.ts";
import { ask, askJson } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { absolutePath, oneOf, positiveInteger } from "./options.ts";
import { tableHeader, tableRow } from "./table.ts";

type Options = Readonly<Record<string, string | number | boolean | undefined>> & {
	readonly socket: string;
	readonly json?: boolean;
};

export function addConnectionsCommand(program: Command, deps: CliDeps): void {
	program
		.command("connections")
		.description("ask the daemon what the host has talked to, newest first")
		.option("--verdict <verdict>", "allow, deny or would_deny", oneOf("allow", "deny", "would_deny"))
		.option("--phase <phase>", "the phase that decided: dns, connect, tls", oneOf("dns", "connect", "tls", "http"))
		.option("--name <name>", 'domain; "*" stands for any characters')
		.option("--address <address>", "address or prefix")
		.option("--port <port>", "destination port")
		.option("--protocol <protocol>", "tcp, udp, icmp, icmp6 or a number")
		.option("--process <process>", "pid, comm, or the program's path or file name")
		.option("--unit <unit>", "systemd unit")
		.option("--container <id>", "container id or its first digits")
		.option("--user <user>", "user name or uid")
		.option("--rule <rule>", "rule that decided, or an alert rule that matched")
		.option("--group <group>", "group of that rule")
		.option("--since <when>", "active since: 15m, 2h, or a time")
		.option("--kind <kind>", "connection or dns", oneOf("connection", "dns"))
		.option("--open", "only those that are open")
		.option("--limit <n>", "at most so many", positiveInteger, 100)
		.option("--socket <path>", "unix socket of the daemon", absolutePath, DEFAULTS.socket ?? undefined)
		.option("--json", "one JSON line a connection")
		.addHelpText(
			"after",
			`
Examples:
  sallyport connections --verdict deny --since 15m
  sallyport connections --unit agent.service --name '*.amazonaws.com'
  sallyport connections --address 10.0.0.0/8 --port 5432 --json`,
		)
		.action((options: Options) => connections(options, deps));
}

const FILTERS = [
	"verdict",
	"phase",
	"name",
	"address",
	"port",
	"protocol",
	"process",
	"unit",
	"container",
	"user",
	"rule",
	"group",
	"since",
	"kind",
	"open",
	"limit",
] as const;

async function connections(options: Options, { out, err }: CliDeps): Promise<void> {
	const query = new URLSearchParams();
	for (const filter of FILTERS) {
		const value = options[filter];
		if (value !== undefined) query.set(filter, String(value));
	}
	const path = `/v1/connections?${query}`;
	if (options.json === true) {
		await ask(options.socket, path, "application/x-ndjson", (text) => void out.write(text));
		return;
	}
	const answer = await askJson<{ connections: ConnectionView[]; more: boolean }>(options.socket, path);
	const style = { width: out.terminal ? out.width() : WIDE, colours: out.colours, date: true };
	out.write(`${tableHeader(style)}\n`);
	for (const connection of answer.connections) out.write(`${tableRow(connection, style)}\n`);
	if (answer.more) err.write("sallyport: there are more; --limit shows them\n");
}

/** Into a file or a pipe nothing is cut that a person would miss. */
const WIDE = 240;
