import type { Unwritten } from "../records/contract.ts";
import type { ConnectionView } from "../records/view.ts";
import type { Asking, CliCommand } from "./cli-command.ts";
import { askJson, askText } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { addFilters, type FilterOptions, filterQuery } from "./filters.ts";
import { harmlessJson } from "./harmless.ts";
import { positiveInteger, recordId } from "./options.ts";
import { recordText } from "./record.ts";
import { tableHeader, tableRow } from "./table.ts";
import { warnUnwritten } from "./unwritten.ts";

type Options = Asking & FilterOptions & { readonly limit: number };

export function addConnectionsCommand(program: CliCommand, deps: CliDeps): void {
	addFilters(
		program
			.subcommand("connections")
			.description("what the host has talked to, newest first; with an id, all that is known of one")
			.argument("[id]", "a record's id", recordId),
	)
		.choice("--sort <order>", "newest (-first) or oldest (first) first, or the most bytes", SORTS, "-first")
		.option("--limit <n>", "at most so many", positiveInteger, 100)
		.asks("one JSON line a connection")
		.examples([
			"sallyport connections --verdict deny --since 15m",
			"sallyport connections --unit agent.service --name '**.amazonaws.com'",
			"sallyport connections --address 10.0.0.0/8 --port 5432 --json",
			"sallyport connections 4711                      why was it decided so?",
		])
		.action((id: number | undefined, options: Options) =>
			id === undefined ? connections(options, deps) : connection(id, options, deps),
		);
}

const SORTS = ["-first", "first", "-last", "-bytesOut", "-bytesIn"];
const MOST_A_PAGE = 10_000;

async function connections(options: Options, { out, err }: CliDeps): Promise<void> {
	const style = { width: out.terminal ? out.width() : WIDE, colours: out.colours, date: true, ids: true };
	let left = options.limit;
	let cursor: string | null = null;
	let unwritten: Unwritten | null = null;
	do {
		const query = filterQuery(options, ["sort"]);
		query.set("limit", String(Math.min(left, MOST_A_PAGE)));
		if (cursor !== null) query.set("cursor", cursor);
		const page: Page = await askJson<Page>({ socket: options.socket, path: `/v1/connections?${query}` });
		if (options.json !== true && cursor === null) out.write(`${tableHeader(style)}\n`);
		for (const each of page.connections)
			out.write(`${options.json === true ? harmlessJson(JSON.stringify(each)) : tableRow(each, style)}\n`);
		left -= page.connections.length;
		cursor = page.next;
		unwritten = page.unwritten ?? unwritten;
	} while (cursor !== null && left > 0);
	warnUnwritten(err, unwritten);
	if (cursor !== null) err.write("sallyport: there are more; --limit shows them\n");
}

interface Page {
	readonly connections: readonly ConnectionView[];
	readonly next: string | null;
	readonly unwritten?: Unwritten | null;
}

async function connection(id: number, { socket, json }: Options, { out }: CliDeps): Promise<void> {
	const question = { socket, path: `/v1/connections/${id}` };
	if (json !== true) {
		out.write(recordText(await askJson<ConnectionView>(question)));
		return;
	}
	for await (const part of askText(question)) out.write(harmlessJson(part));
	out.write("\n");
}

/** Into a file or a pipe nothing is cut that a person would miss. */
const WIDE = 240;
