import type { RuleOfName } from "../api/policy-types.ts";
import { SallyportError } from "../base/errors.ts";
import { countText } from "../base/text.ts";
import type { NameRecord, NameSummary, Unwritten } from "../records/contract.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { bodyText, type Page, refusal, requestPages, send } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { cutMiddle } from "./display-width.ts";
import { type FilterOptions, filterQuery, listOption, timeOption } from "./filters.ts";
import { positiveInteger } from "./options.ts";
import { addTableOptions, type Column, checkColumns, type Table, type TableOptions, tableLines } from "./table.ts";
import { agoText, fields, harmless, harmlessJson, timeText, warnUnwritten } from "./text.ts";

interface NamesPage extends Page {
	readonly names: readonly NameSummary[];
	readonly unwritten?: Unwritten | null;
}

interface FullName extends NameRecord {
	readonly rules?: readonly RuleOfName[];
	readonly unwritten?: Unwritten | null;
}

type Options = DaemonOptions & FilterOptions & TableOptions & { readonly limit: number };

export function addNamesCommand(program: CliCommand, deps: CliDeps): void {
	const command = program
		.subcommand("names")
		.description("list domain names seen; with a name, show its addresses, clients and matching rules")
		.argument("[name]", 'a name, or a pattern: "*" is one label, a leading "**" any number')
		.addOption(timeOption("since", undefined, "seen at or after this time"))
		.addOption(listOption("name", "negated"))
		.option("--limit <n>", "maximum number of names", positiveInteger, 100);
	addTableOptions(
		command,
		tableOf(0).columns.map(({ key }) => key),
	)
		.queriesDaemon("one JSON object per line and name; with a name, one JSON document")
		.examples([
			"sallyport names --since 1d",
			"sallyport names '**.amazonaws.com'",
			"sallyport names api.example.com",
			"sallyport names --json | jq -r 'select(.denied > 0) | .name'",
		])
		.action((name: string | undefined, options: Options) =>
			name === undefined || name.includes("*") ? list(name, options, deps) : showOne(name, options, deps),
		);
}

async function list(pattern: string | undefined, options: Options, deps: CliDeps): Promise<void> {
	const { out, err } = deps;
	const query = filterQuery(options);
	if (pattern !== undefined) query.set("name", pattern);
	const table = tableOf(Date.now());
	checkColumns(table, options);
	const names: NameSummary[] = [];
	let last: NamesPage | null = null;
	let unwritten: Unwritten | null = null;
	const rowsOf = (page: NamesPage) => page.names;
	for await (const page of requestPages(options.socket, "/v1/names", query, { limit: options.limit, rowsOf })) {
		last = page;
		unwritten = page.unwritten ?? unwritten;
		if (options.json !== true) names.push(...page.names);
		else for (const each of page.names) out.write(`${harmlessJson(JSON.stringify(each))}\n`);
	}
	if (options.json !== true) for (const line of tableLines(table, options, out, names)) out.write(`${line}\n`);
	warnUnwritten(err, unwritten);
	if (last?.next != null) err.write("sallyport: there are more names; raise --limit to see them\n");
}

async function showOne(name: string, { socket, json }: Options, deps: CliDeps): Promise<void> {
	const { out, err } = deps;
	const reply = await send({ socket, path: `/v1/names/${encodeURIComponent(name)}` });
	const body = await bodyText(reply);
	if (reply.status === 404)
		throw new SallyportError("DAEMON_REFUSED", `No record of the name ${harmless(name)} (it may have expired).`);
	if (reply.status >= 300) throw refusal(body, reply.status);
	if (json === true) {
		out.write(`${harmlessJson(body)}\n`);
		return;
	}
	const answer = JSON.parse(body) as FullName;
	warnUnwritten(err, answer.unwritten);
	out.write(nameText(answer, Date.now()));
}

function nameText(answer: FullName, now: number): string {
	const many = (title: string, lines: readonly string[]): [string, string][] =>
		lines.map((line, index) => [index === 0 ? title : "", line]);
	const { connections, denied, wouldDeny } = answer;
	return fields([
		["name", answer.name],
		["seen", `${timeText(answer.first)} to ${timeText(answer.last)}`],
		["questions", String(answer.questions)],
		["connections", `${connections}, ${denied} denied${wouldDeny > 0 ? `, ${wouldDeny} would be denied` : ""}`],
		...many(
			"addresses",
			answer.addresses.map(
				({ address, ttl, last, trusted }) =>
					`${address} (TTL ${ttl} s, ${agoText(last, now)}${trusted ? "" : ", from a resolver that is not trusted"})`,
			),
		),
		...many(
			"clients",
			answer.askedBy.map((each) => {
				const group = each.container ?? each.unit;
				const client = `${each.process} ${each.exe ?? ""}`.trimEnd();
				const counts = `${countText(each.questions, "question")}, ${countText(each.connections, "connection")}`;
				return `${client}, ${each.user ?? each.uid}${group === null ? "" : `, ${group}`}: ${counts}, ${agoText(each.last, now)}`;
			}),
		),
		...many(
			"rules",
			(answer.rules ?? []).map(({ group, rule, action }) => `${action} ${group}/${rule}`),
		),
	]);
}

function tableOf(now: number): Table<NameSummary> {
	const columns: Column<NameSummary>[] = [
		{ key: "name", title: "NAME", text: ({ name }) => name, least: 16, usual: 40, shorten: cutMiddle },
		{
			key: "questions",
			title: "QUESTIONS",
			text: ({ questions }) => String(questions),
			least: 9,
			usual: 9,
			right: true,
		},
		{
			key: "connections",
			title: "CONNECTIONS",
			text: ({ connections }) => String(connections),
			least: 11,
			usual: 11,
			right: true,
		},
		{ key: "denied", title: "DENIED", text: deniedText, least: 6, usual: 10, right: true },
		{ key: "last", title: "LAST", text: ({ last }) => agoText(last, now), least: 10, usual: 19 },
		{ key: "addresses", title: "ADDRESSES", text: ({ addresses }) => addresses.join(" "), least: 15, usual: 32 },
	];
	return { columns, worth: ["name", "connections", "denied", "questions", "last", "addresses"] };
}

/* Denials and would-be denials are never added up. */
function deniedText({ denied, wouldDeny }: NameSummary): string {
	return wouldDeny === 0 ? String(denied) : `${denied} (+${wouldDeny}?)`;
}
