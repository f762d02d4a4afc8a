import { SallyportError } from "../base/errors.ts";
import type { Unwritten } from "../records/contract.ts";
import type { ConnectionView } from "../records/view.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { bodyText, type Page, refusal, requestPages, send } from "./client.ts";
import { recordTable } from "./connection-table.ts";
import type { CliDeps } from "./deps.ts";
import { addFilters, type FilterOptions, filterQuery } from "./filters.ts";
import { positiveInteger, recordId } from "./options.ts";
import { recordText } from "./record.ts";
import { addTableOptions, checkColumns, headerLine, layOut, rowLine, type TableOptions, tableWidth } from "./table.ts";
import { harmlessJson, warnUnwritten } from "./text.ts";

type Options = DaemonOptions & FilterOptions & TableOptions & { readonly limit: number };

export function addConnectionsCommand(program: CliCommand, deps: CliDeps): void {
	const command = addFilters(
		program
			.subcommand("connections")
			.description("list connections and DNS questions, newest first; with an id, show one record in full")
			.argument("[id]", "record id (the ID column)", recordId),
	)
		.choice("--sort <order>", "order: -first is newest first, -bytesOut and -bytesIn most bytes first", SORTS, "-first")
		.option("--limit <n>", "maximum number of records", positiveInteger, 100);
	addTableOptions(
		command,
		recordTable().columns.map(({ key }) => key),
	)
		.queriesDaemon("one JSON object per line and connection")
		.examples([
			"sallyport connections --verdict deny --since 15m",
			"sallyport connections --unit agent.service --name '**.amazonaws.com'",
			"sallyport connections --address 10.0.0.0/8 --port 5432 --json",
			"sallyport connections --columns time,process,destination,out,in",
			"sallyport connections 4711                      why was it decided so?",
		])
		.action((id: number | undefined, options: Options) =>
			id === undefined ? list(options, deps) : showOne(id, options, deps),
		);
}

const SORTS = ["-first", "first", "-last", "-bytesOut", "-bytesIn"];

async function list(options: Options, deps: CliDeps): Promise<void> {
	const { out, err } = deps;
	const table = recordTable();
	checkColumns(table, options);
	let layout: ReturnType<typeof layOut<ConnectionView>> | null = null;
	let last: RecordsPage | null = null;
	let unwritten: Unwritten | null = null;
	const pages = requestPages<RecordsPage>(options.socket, "/v1/connections", filterQuery(options, ["sort"]), {
		limit: options.limit,
		rowsOf: ({ connections }) => connections,
	});
	for await (const page of pages) {
		last = page;
		unwritten = page.unwritten ?? unwritten;
		if (options.json === true) {
			for (const each of page.connections) out.write(`${harmlessJson(JSON.stringify(each))}\n`);
			continue;
		}
		if (layout === null) {
			layout = layOut(table, options, tableWidth(out, options), page.connections);
			if (options.headers !== false) out.write(`${headerLine(layout, out.colours)}\n`);
		}
		for (const each of page.connections) out.write(`${rowLine(layout, each, out.colours)}\n`);
	}
	warnUnwritten(err, unwritten);
	if (last?.next != null) err.write("sallyport: there are more records; raise --limit to see them\n");
}

interface RecordsPage extends Page {
	readonly connections: readonly ConnectionView[];
	readonly unwritten?: Unwritten | null;
}

async function showOne(id: number, { socket, json }: Options, deps: CliDeps): Promise<void> {
	const reply = await send({ socket, path: `/v1/connections/${id}` });
	const text = await bodyText(reply);
	if (reply.status === 404) throw new SallyportError("DAEMON_REFUSED", `No record ${id} (it may have expired).`);
	if (reply.status >= 300) throw refusal(text, reply.status);
	deps.out.write(json === true ? `${harmlessJson(text)}\n` : recordText(JSON.parse(text) as ConnectionView));
}
