import type { TopField, TopRow, Unwritten } from "../records/contract.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { requestJson } from "./client.ts";
import type { CliDeps, Output } from "./deps.ts";
import { cutEnd, cutMiddle } from "./display-width.ts";
import { addFilters, type FilterOptions, filterQuery } from "./filters.ts";
import { groupFields, positiveInteger, TOP_FIELDS } from "./options.ts";
import { liveScreen } from "./screen.ts";
import {
	addTableOptions,
	type Column,
	checkColumns,
	headerLine,
	layOut,
	rowLine,
	type Table,
	type TableOptions,
	tableLines,
	tableWidth,
} from "./table.ts";
import { agoText, bytesText, harmlessJson, unwrittenText, warnUnwritten } from "./text.ts";
import { remediesOf, remedyLines } from "./top-remedies.ts";

type Options = DaemonOptions &
	FilterOptions &
	TableOptions & {
		readonly by: readonly string[];
		readonly sort: string;
		readonly limit?: number;
		readonly once?: boolean;
		readonly remedy?: boolean;
		readonly interval: number;
		readonly since: string;
	};

export function addTopCommand(program: CliCommand, deps: CliDeps): void {
	const command = addFilters(
		program
			.subcommand("top")
			.description("show the busiest names, processes or other groups; on a terminal, refresh until q or Ctrl-C")
			.option("--by <field[,field]>", `group by one or two of ${TOP_FIELDS.join(", ")}`, groupFields, ["name"]),
		{ since: "1h" },
	)
		.choice("--sort <column>", "sort by this column, largest first", SORTS, "count")
		.option("--limit <n>", "maximum number of rows (default: as many as fit, or 20)", positiveInteger)
		.option("--once", "print the table once, also on a terminal")
		.option("--remedy", "print it once, with what would allow the latest denied connection of each row")
		.option("--interval <seconds>", "time between two refreshes", positiveInteger, 2);
	addTableOptions(command, ["the fields of --by", ...SORTS])
		.queriesDaemon("one JSON object per line and row, once")
		.examples(
			[
				"sallyport top                                   names, live",
				"sallyport top --by process,name --since 1h --sort bytesOut",
				"sallyport top --by unit --verdict deny --once",
				"sallyport top --by name,process --verdict deny --remedy",
				"sallyport top --by name --since 7d --json | jq -r .key.name",
			],
			"COUNT includes DNS questions; --kind connection leaves them out.",
		)
		.action((options: Options) => top(options, deps));
}

const SORTS = ["count", "denied", "wouldDeny", "bytesOut", "bytesIn", "last"];

async function top(options: Options, deps: CliDeps): Promise<void> {
	const { out, err } = deps;
	checkColumns(tableOf(options, 0), options);
	if (options.json === true || options.once === true || options.remedy === true || !out.terminal) {
		const { rows, unwritten } = await query(options, options.limit ?? 20);
		const remedies = options.remedy === true ? await remediesOf(options, rows) : null;
		const lines =
			options.json === true
				? rows.map((row, at) =>
						harmlessJson(JSON.stringify(remedies === null ? row : { ...row, remedy: remedies[at] })),
					)
				: [
						...tableLines(tableOf(options, Date.now()), options, out, rows),
						...(remedies === null ? [] : remedyLines(rows, remedies)),
					];
		for (const line of lines) out.write(`${line}\n`);
		warnUnwritten(err, unwritten);
		return;
	}
	/* The first query precedes the alternate screen, so that its error is printed as usual. */
	let answer = await query(options, options.limit ?? 200);
	await liveScreen(deps, {
		interval: options.interval * 1000,
		async refresh() {
			answer = await query(options, options.limit ?? 200);
		},
		draw: (width, height) => {
			const head = [heading(options, answer, width)];
			const below = Math.max(0, height - head.length - (options.headers === false ? 0 : 1));
			return [...head, ...frame(options, answer.rows.slice(0, below), out)];
		},
	});
}

async function query(options: Options, limit: number): Promise<Answer> {
	const parameters = filterQuery(options, ["sort"]);
	parameters.set("by", options.by.join(","));
	parameters.set("limit", String(limit));
	return requestJson<Answer>({ socket: options.socket, path: `/v1/top?${parameters}` });
}

interface Answer {
	readonly rows: readonly TopRow[];
	readonly unwritten?: Unwritten | null;
}

function heading({ by, sort, since }: Options, { unwritten }: Answer, width: number): string {
	const warning = unwrittenText(unwritten);
	const text = `sallyport top: by ${by.join(" and ")}, largest ${sort} first, since ${since}; q quits`;
	return cutEnd(warning ?? text, width);
}

/* Widths independent of the rows, because columns would otherwise move at each refresh. */
function frame(options: Options, rows: readonly TopRow[], out: Output): string[] {
	const layout = layOut(tableOf(options, Date.now()), options, tableWidth(out, options), null);
	const header = options.headers === false ? [] : [headerLine(layout, out.colours)];
	return [...header, ...rows.map((row) => rowLine(layout, row, out.colours))];
}

/* The groups come first, then the column that sorts. */
function tableOf({ by, sort }: Options, now: number): Table<TopRow> {
	const groups = by.map(
		(field): Column<TopRow> => ({
			key: field,
			title: field.toUpperCase(),
			text: ({ key }) => String(key[field as TopField] ?? "-"),
			...(field === "port" || field === "protocol" ? { least: 8, usual: 8 } : { least: 12, usual: 24, most: 60 }),
			shorten: cutMiddle,
		}),
	);
	const worth = ["count", "denied", "bytesOut", "bytesIn", "wouldDeny", "last"];
	return {
		columns: [...groups, ...numberColumns(now)],
		worth: [...by, sort, ...worth.filter((key) => key !== sort)],
		paintLine: ({ denied, wouldDeny }, text) =>
			denied > 0 ? `\x1b[31m${text}\x1b[0m` : wouldDeny > 0 ? `\x1b[33m${text}\x1b[0m` : text,
	};
}

function numberColumns(now: number): Column<TopRow>[] {
	return [
		{ key: "count", title: "COUNT", text: ({ count }) => String(count), least: 7, usual: 9, right: true },
		{ key: "denied", title: "DENIED", text: ({ denied }) => String(denied), least: 6, usual: 8, right: true },
		{
			key: "wouldDeny",
			title: "WOULD DENY",
			text: ({ wouldDeny }) => String(wouldDeny),
			least: 10,
			usual: 10,
			right: true,
		},
		{ key: "bytesOut", title: "OUT", text: ({ bytesOut }) => bytesText(bytesOut), least: 7, usual: 8, right: true },
		{ key: "bytesIn", title: "IN", text: ({ bytesIn }) => bytesText(bytesIn), least: 7, usual: 8, right: true },
		{ key: "last", title: "LAST", text: ({ last }) => agoText(last, now), least: 10, usual: 12, most: 19 },
	];
}
