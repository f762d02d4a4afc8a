import type { TopField, TopRow, Unwritten } from "../records/contract.ts";
import type { Asking, CliCommand } from "./cli-command.ts";
import { askJson } from "./client.ts";
import { type Column, columns } from "./columns.ts";
import type { CliDeps } from "./deps.ts";
import { addFilters, type FilterOptions, filterQuery } from "./filters.ts";
import { harmlessJson } from "./harmless.ts";
import { groupFields, positiveInteger, TOP_FIELDS } from "./options.ts";
import { liveScreen } from "./screen.ts";
import { unwrittenText, warnUnwritten } from "./unwritten.ts";
import { agoText, bytesText } from "./words.ts";

type Options = Asking &
	FilterOptions & {
		readonly by: readonly string[];
		readonly sort: string;
		readonly limit?: number;
		readonly once?: boolean;
		readonly interval: number;
		readonly since: string;
	};

export function addTopCommand(program: CliCommand, deps: CliDeps): void {
	addFilters(
		program
			.subcommand("top")
			.description("what the host talks to most; on a terminal it refreshes in place until q or Ctrl-C")
			.option("--by <field[,field]>", `one or two of ${TOP_FIELDS.join(", ")}`, groupFields, ["name"]),
		{ since: "1h" },
	)
		.choice(
			"--sort <what>",
			"the most of it first",
			["count", "denied", "wouldDeny", "bytesOut", "bytesIn", "last"],
			"count",
		)
		.option("--limit <n>", "at most so many rows (default: what fits, else 20)", positiveInteger)
		.option("--once", "print it once, also on a terminal")
		.option("--interval <seconds>", "between two looks", positiveInteger, 2)
		.asks("one JSON line a row, once")
		.examples([
			"sallyport top                                   names, live",
			"sallyport top --by process,name --since 1h --sort bytesOut",
			"sallyport top --by unit --verdict deny --once",
			"sallyport top --by name --since 7d --json | jq -r .key.name",
		])
		.action((options: Options) => top(options, deps));
}

async function top(options: Options, deps: CliDeps): Promise<void> {
	const { out, err } = deps;
	if (options.json === true) {
		const { rows, unwritten } = await ask(options, options.limit ?? 20);
		for (const row of rows) out.write(`${harmlessJson(JSON.stringify(row))}\n`);
		warnUnwritten(err, unwritten);
		return;
	}
	if (options.once === true || !out.terminal) {
		const style = { width: out.terminal ? out.width() : 160, colours: out.colours };
		const { rows, unwritten } = await ask(options, options.limit ?? 20);
		for (const line of table(options, rows, style)) out.write(`${line}\n`);
		warnUnwritten(err, unwritten);
		return;
	}
	/* The first answer comes before the screen is taken: an error is then a line like any other. */
	let answer = await ask(options, options.limit ?? 200);
	await liveScreen(deps, {
		interval: options.interval * 1000,
		async refresh() {
			answer = await ask(options, options.limit ?? 200);
		},
		draw: (width, height) => [
			heading(options, answer, width),
			...table(options, answer.rows.slice(0, Math.max(0, height - 2)), { width, colours: out.colours }),
		],
	});
}

async function ask(options: Options, limit: number): Promise<Answer> {
	const query = filterQuery(options, ["sort"]);
	query.set("by", options.by.join(","));
	query.set("limit", String(limit));
	return askJson<Answer>({ socket: options.socket, path: `/v1/top?${query}` });
}

interface Answer {
	readonly rows: readonly TopRow[];
	readonly unwritten?: Unwritten | null;
}

function heading({ by, sort, since }: Options, { unwritten }: Answer, width: number): string {
	const amiss = unwrittenText(unwritten);
	if (amiss !== null) return amiss.slice(0, width);
	return `sallyport top: by ${by.join(" and ")}, most ${sort} first, since ${since}; q ends it`.slice(0, width);
}

function table({ by }: Options, rows: readonly TopRow[], style: { width: number; colours: boolean }): string[] {
	const now = Date.now();
	const line = columns<TopRow>(
		[
			...by.map(
				(field): Column<TopRow> => ({
					title: field.toUpperCase(),
					text: ({ key }) => String(key[field as TopField] ?? "-"),
					least: field === "port" || field === "protocol" ? 8 : 16,
					share: 1,
				}),
			),
			...numbers(now),
		],
		style.width,
	);
	const paint = (row: TopRow | null, text: string) => {
		if (!style.colours) return text;
		if (row === null) return `\x1b[1m${text}\x1b[0m`;
		return row.denied > 0 ? `\x1b[31m${text}\x1b[0m` : row.wouldDeny > 0 ? `\x1b[33m${text}\x1b[0m` : text;
	};
	return [null, ...rows].map((row) => paint(row, line(row)));
}

function numbers(now: number): Column<TopRow>[] {
	return [
		{ title: "COUNT", text: ({ count }) => String(count), least: 9, right: true },
		{ title: "DENIED", text: ({ denied }) => String(denied), least: 8, right: true },
		{ title: "WOULD DENY", text: ({ wouldDeny }) => String(wouldDeny), least: 10, right: true, keep: 2 },
		{ title: "OUT", text: ({ bytesOut }) => bytesText(bytesOut), least: 8, right: true, keep: 4 },
		{ title: "IN", text: ({ bytesIn }) => bytesText(bytesIn), least: 8, right: true, keep: 3 },
		{ title: "LAST", text: ({ last }) => agoText(last, now), least: 12, keep: 1 },
	];
}
