import { EXIT, SallyportError } from "../base/errors.ts";
import type { Change } from "../policy/evaluate/compare.ts";
import type { DecidedOtherwise, Outcome } from "../policy/evaluate/replay-records.ts";
import type { ConnectionView } from "../records/view.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { type Page, policyInForce, requestPages } from "./client.ts";
import { endpointText } from "./connection-table.ts";
import type { CliDeps } from "./deps.ts";
import { cutEndpoint, cutMiddle } from "./display-width.ts";
import { filterQuery, timeOption } from "./filters.ts";
import { absolutePath, positiveInteger } from "./options.ts";
import { readPolicyFile } from "./policy-apply.ts";
import { addTableOptions, type Column, checkColumns, type Table, type TableOptions, tableLines } from "./table.ts";
import { harmless, harmlessJson, recordCountText } from "./text.ts";

interface Options extends DaemonOptions, TableOptions {
	readonly exitCode?: boolean;
	readonly since: string;
	readonly last: number;
	readonly records: boolean;
}

export function addPolicyDiff(policy: CliCommand, deps: CliDeps, finish: (code: number) => void): void {
	const command = policy
		.subcommand("diff")
		.description(
			"show how a policy file differs from the policy in force, and which recorded connections it would affect",
		)
		.argument("<file>", "policy file", absolutePath)
		.addOption(timeOption("since", "24h", "evaluate connections active at or after this time"))
		.option("--last <n>", "evaluate at most this many records, newest first", positiveInteger, 10_000)
		.option("--no-records", "compare only the policies")
		.option("--exit-code", "exit with 1 if the file would change something");
	addTableOptions(
		command,
		TABLE.columns.map(({ key }) => key),
	)
		.queriesDaemon("the changes as one JSON document")
		.examples(
			[
				"sallyport policy diff policy.yaml",
				"sallyport policy diff policy.yaml --since 7d --last 100000",
				"sallyport policy diff policy.yaml --json | jq '.changes[].what'",
				"sallyport policy diff policy.yaml --json | jq -r '.records.decidedOtherwise[].name'",
			],
			"Policies are compared by meaning: comments, quotes and the order of values do not matter; the order of rules does.",
		)
		.action((file: string, options: Options) => diff(file, options, deps, finish));
}

async function diff(file: string, options: Options, deps: CliDeps, finish: (code: number) => void): Promise<void> {
	const { out } = deps;
	checkColumns(TABLE, options);
	const text = readPolicyFile(deps, file);
	const inForce = await policyInForce(options.socket);
	const { problems, changes, decidedOtherwise } = deps.comparePolicy(inForce, { text, source: file, origin: "file" });
	if (problems.length > 0)
		throw new SallyportError(
			"POLICY_INVALID",
			`The policies cannot be compared:\n${problems.map((line) => `  ${harmless(line)}`).join("\n")}`,
		);
	if (options.exitCode === true && changes.length > 0) finish(EXIT.UNEXPECTED);
	const records = options.records && changes.length > 0 ? await replay(options, decidedOtherwise) : null;
	if (options.json === true) {
		const { generation } = inForce;
		out.write(`${harmlessJson(JSON.stringify({ file, generation, changes, records }))}\n`);
		return;
	}
	out.write(diffText(changes, out.colours));
	if (records === null) return;
	out.write(`\n${summaryText(records)}\n`);
	if (records.decidedOtherwise.length === 0) return;
	for (const line of tableLines(TABLE, options, out, records.decidedOtherwise)) out.write(`${line}\n`);
}

interface Replayed {
	readonly since: string;
	/** Records that were compared; `questions` of them are DNS questions. */
	readonly looked: number;
	readonly questions: number;
	/** There are older records. */
	readonly more: boolean;
	readonly decidedOtherwise: readonly DecidedOtherwise[];
}

async function replay(
	{ socket, since, last }: Options,
	decide: (records: readonly ConnectionView[]) => readonly DecidedOtherwise[],
): Promise<Replayed> {
	const records: ConnectionView[] = [];
	let more = false;
	const rowsOf = (page: RecordsPage) => page.connections;
	const query = filterQuery({ since });
	for await (const page of requestPages(socket, "/v1/connections", query, { limit: last, rowsOf })) {
		records.push(...page.connections);
		more = page.next !== null;
	}
	const questions = records.filter(({ kind }) => kind === "dns").length;
	return { since, looked: records.length, questions, more, decidedOtherwise: decide(records) };
}

interface RecordsPage extends Page {
	readonly connections: readonly ConnectionView[];
}

function summaryText({ since, looked, questions, more, decidedOtherwise }: Replayed): string {
	const counts = recordCountText(looked - questions, questions);
	const records = more ? `the last ${counts}` : `${counts} since ${since}`;
	const total = decidedOtherwise.reduce((sum, { count }) => sum + count, 0);
	return total === 0
		? `None of ${records} would be decided differently.`
		: `${total} of ${records} would be decided differently:`;
}

const COLUMNS: readonly Column<DecidedOtherwise>[] = [
	{ key: "count", title: "COUNT", text: ({ count }) => String(count), least: 5, usual: 7, right: true },
	{
		key: "destination",
		title: "DESTINATION",
		text: ({ protocol, name, remote, port }) => `${protocol} ${endpointText(name ?? remote, port)}`,
		...{ least: 19, usual: 30 },
		shorten: cutEndpoint,
	},
	{ key: "process", title: "PROCESS", text: ({ process }) => process ?? "-", least: 7, usual: 15 },
	{ key: "unit", title: "UNIT", text: ({ unit }) => unit ?? "-", least: 8, usual: 20 },
	{
		key: "before",
		title: "IN FORCE",
		text: ({ before }) => outcomeText(before),
		least: 16,
		usual: 30,
		shorten: cutMiddle,
	},
	{
		key: "after",
		title: "WITH THE FILE",
		text: ({ after }) => outcomeText(after),
		least: 16,
		usual: 30,
		shorten: cutMiddle,
	},
];

const TABLE: Table<DecidedOtherwise> = {
	columns: COLUMNS,
	worth: ["destination", "after", "before", "count", "process", "unit"],
	paintLine: ({ after }, text) => `\x1b[${after.verdict === "allow" ? 32 : 31}m${text}\x1b[0m`,
};

function outcomeText({ verdict, phase, group, rule, reason }: Outcome): string {
	return `${verdict.replace("_", " ")} (${phase}: ${rule === null ? reason : `${group}/${rule}`})`;
}

function diffText(changes: readonly Change[], colours: boolean): string {
	if (changes.length === 0) return "Nothing would change.\n";
	const paint = (code: number, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
	const lines: string[] = [];
	for (const { kind, what, details } of changes) {
		const name = harmless(what);
		if (kind === "setting") {
			lines.push(paint(33, `~ ${name}: ${harmless(`${details[0]?.before} -> ${details[0]?.after}`)}`));
			continue;
		}
		if (kind === "moved") {
			lines.push(paint(33, `~ rule ${name}: moved from position ${details[0]?.before} to ${details[0]?.after}`));
			continue;
		}
		const [sign, code] = { added: ["+", 32] as const, removed: ["-", 31] as const, changed: ["~", 33] as const }[kind];
		lines.push(paint(code, `${sign} rule ${name}`));
		for (const { field, before, after } of details) {
			if (before !== null) lines.push(paint(31, `    - ${field}: ${harmless(before)}`));
			if (after !== null) lines.push(paint(32, `    + ${field}: ${harmless(after)}`));
		}
	}
	return lines.map((line) => `${line}\n`).join("");
}
