import type { RuleOfName } from "../api/policy-types.ts";
import type { NameRecord, NameSummary, Unwritten } from "../records/contract.ts";
import type { Asking, CliCommand } from "./cli-command.ts";
import { askJson } from "./client.ts";
import { type Column, columns } from "./columns.ts";
import type { CliDeps } from "./deps.ts";
import { type FilterOptions, filterQuery, listOption, timeOption } from "./filters.ts";
import { harmlessJson } from "./harmless.ts";
import { positiveInteger } from "./options.ts";
import { warnUnwritten } from "./unwritten.ts";
import { agoText, fields, timeText } from "./words.ts";

interface Page {
	readonly names: readonly NameSummary[];
	readonly next: string | null;
	readonly unwritten?: Unwritten | null;
}

interface Whole extends NameRecord {
	readonly rules?: readonly RuleOfName[];
	readonly unwritten?: Unwritten | null;
}

type Options = Asking & FilterOptions & { readonly limit: number };

export function addNamesCommand(program: CliCommand, deps: CliDeps): void {
	program
		.subcommand("names")
		.description("names that were asked for or connected to; with a whole name, who asked, its addresses and its rules")
		.argument("[name]", 'a name, or a pattern: "*" is one label, "**" in front any number')
		.addOption(timeOption("since", undefined, "seen at or after this time"))
		.addOption(listOption("name", "negated"))
		.option("--limit <n>", "at most so many", positiveInteger, 100)
		.asks("one JSON line a name; with a whole name one JSON document")
		.examples([
			"sallyport names --since 1d",
			"sallyport names '**.amazonaws.com'",
			"sallyport names api.example.com",
			"sallyport names --json | jq -r 'select(.denied > 0) | .name'",
		])
		.action((name: string | undefined, options: Options) =>
			name === undefined || name.includes("*") ? list(name, options, deps) : whole(name, options, deps),
		);
}

async function list(pattern: string | undefined, options: Options, { out, err }: CliDeps): Promise<void> {
	const now = Date.now();
	const line = columns(tableOf(now), out.terminal ? out.width() : 160);
	let left = options.limit;
	let cursor: string | null = null;
	let unwritten: Unwritten | null = null;
	do {
		const query = filterQuery(options);
		query.set("limit", String(Math.min(left, 10_000)));
		if (pattern !== undefined) query.set("name", pattern);
		if (cursor !== null) query.set("cursor", cursor);
		const page: Page = await askJson<Page>({ socket: options.socket, path: `/v1/names?${query}` });
		if (options.json !== true && cursor === null) out.write(`${line(null)}\n`);
		for (const each of page.names)
			out.write(`${options.json === true ? harmlessJson(JSON.stringify(each)) : line(each)}\n`);
		left -= page.names.length;
		cursor = page.next;
		unwritten = page.unwritten ?? unwritten;
	} while (cursor !== null && left > 0);
	warnUnwritten(err, unwritten);
	if (cursor !== null) err.write("sallyport: there are more; --limit shows them\n");
}

async function whole(name: string, { socket, json }: Options, { out, err }: CliDeps): Promise<void> {
	const answer = await askJson<Whole>({ socket, path: `/v1/names/${encodeURIComponent(name)}` });
	if (json === true) {
		out.write(`${harmlessJson(JSON.stringify(answer))}\n`);
		return;
	}
	warnUnwritten(err, answer.unwritten);
	const now = Date.now();
	const many = (title: string, lines: readonly string[]): [string, string][] =>
		lines.map((line, index) => [index === 0 ? title : "", line]);
	const { questions, connections, denied, wouldDeny } = answer;
	out.write(
		fields([
			["name", answer.name],
			["seen", `${timeText(answer.first)} to ${timeText(answer.last)}`],
			["questions", String(questions)],
			["connections", `${connections}, ${denied} denied${wouldDeny > 0 ? `, ${wouldDeny} would have been` : ""}`],
			...many(
				"addresses",
				answer.addresses.map(
					({ address, ttl, last, trusted }) =>
						`${address} (TTL ${ttl} s, ${agoText(last, now)}${trusted ? "" : ", from a resolver that is not trusted"})`,
				),
			),
			...many(
				"asked by",
				answer.askedBy.map((each) => {
					const where = each.container ?? each.unit;
					const who = `${each.process} ${each.exe ?? ""}`.trimEnd();
					return `${who}, ${each.user ?? each.uid}${where === null ? "" : `, ${where}`}: ${each.questions} questions, ${each.connections} connections, ${agoText(each.last, now)}`;
				}),
			),
			...many(
				"rules",
				(answer.rules ?? []).map(({ group, rule, action }) => `${action} ${group}/${rule}`),
			),
		]),
	);
}

function tableOf(now: number): Column<NameSummary>[] {
	return [
		{ title: "NAME", text: ({ name }) => name, least: 24, share: 3 },
		{ title: "QUESTIONS", text: ({ questions }) => String(questions), least: 9, right: true, keep: 1 },
		{ title: "CONNECTIONS", text: ({ connections }) => String(connections), least: 11, right: true },
		{ title: "DENIED", text: ({ denied, wouldDeny }) => deniedText(denied, wouldDeny), least: 10, right: true },
		{ title: "LAST", text: ({ last }) => agoText(last, now), least: 12, keep: 2 },
		{ title: "ADDRESSES", text: ({ addresses }) => addresses.join(" "), least: 16, share: 2, keep: 0 },
	];
}

/** What would have been denied is never added to what was. */
function deniedText(denied: number, wouldDeny: number): string {
	return wouldDeny === 0 ? String(denied) : `${denied} (+${wouldDeny}?)`;
}
