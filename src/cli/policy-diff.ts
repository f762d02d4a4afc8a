import { EXIT, SallyportError } from "../base/errors.ts";
import type { Change } from "../policy/evaluate/compare.ts";
import type { DecidedOtherwise, Outcome } from "../policy/evaluate/replay-records.ts";
import type { ConnectionView } from "../records/view.ts";
import type { Asking, CliCommand } from "./cli-command.ts";
import { askJson } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { filterQuery, timeOption } from "./filters.ts";
import { harmless, harmlessJson } from "./harmless.ts";
import { absolutePath, positiveInteger } from "./options.ts";
import { policyInForce } from "./policy-in-force.ts";

interface Options extends Asking {
	readonly exitCode?: boolean;
	readonly since: string;
	readonly last: number;
	readonly records: boolean;
}

export function addPolicyDiff(policy: CliCommand, deps: CliDeps, finish: (code: number) => void): void {
	policy
		.subcommand("diff")
		.description("what would change if a file were put in force: mode, defaults, rules, and who would notice")
		.argument("<file>", "policy file", absolutePath)
		.addOption(timeOption("since", "24h", "evaluate connections active at or after this time"))
		.option("--last <n>", "at the last so many of them", positiveInteger, 10_000)
		.option("--no-records", "compare the policies alone")
		.option("--exit-code", "exit code 1 if something would change")
		.asks("the changes as one JSON document")
		.examples(
			[
				"sallyport policy diff policy.yaml",
				"sallyport policy diff policy.yaml --since 7d --last 100000",
				"sallyport policy diff policy.yaml --json | jq '.changes[].what'",
				"sallyport policy diff policy.yaml --json | jq -r '.records.decidedOtherwise[].name'",
			],
			"By meaning, not by letters: comments, quotes and the order of values are no change; the order of rules is.",
		)
		.action(async (file: string, options: Options) => {
			const { text, source, generation } = await policyInForce(options.socket);
			const { problems, changes, decidedOtherwise } = deps.comparePolicy({ text, source }, file);
			if (problems.length > 0)
				throw new SallyportError(
					"POLICY_INVALID",
					`They cannot be compared:\n${problems.map((line) => `  ${harmless(line)}`).join("\n")}`,
				);
			if (options.exitCode === true && changes.length > 0) finish(EXIT.UNEXPECTED);
			const records = options.records && changes.length > 0 ? await replay(options, decidedOtherwise) : null;
			if (options.json === true) {
				deps.out.write(`${harmlessJson(JSON.stringify({ file, generation, changes, records }))}\n`);
				return;
			}
			deps.out.write(diffText(changes, deps.out.colours));
			if (records !== null) deps.out.write(`\n${recordsText(records, deps.out.colours)}`);
		});
}

interface Replayed {
	readonly since: string;
	/** Records that were looked at. */
	readonly looked: number;
	/** There are older ones. */
	readonly more: boolean;
	readonly decidedOtherwise: readonly DecidedOtherwise[];
}

async function replay(
	{ socket, since, last }: Options,
	decide: (records: readonly ConnectionView[]) => readonly DecidedOtherwise[],
): Promise<Replayed> {
	const records: ConnectionView[] = [];
	let cursor: string | null = null;
	do {
		const query = filterQuery({ since });
		query.set("limit", String(Math.min(last - records.length, PAGE)));
		if (cursor !== null) query.set("cursor", cursor);
		const page: Page = await askJson<Page>({ socket, path: `/v1/connections?${query}` });
		records.push(...page.connections);
		cursor = page.next;
	} while (cursor !== null && records.length < last);
	return { since, looked: records.length, more: cursor !== null, decidedOtherwise: decide(records) };
}

interface Page {
	readonly connections: readonly ConnectionView[];
	readonly next: string | null;
}

const PAGE = 1_000;

function recordsText({ since, looked, more, decidedOtherwise }: Replayed, colours: boolean): string {
	const of = more ? `the last ${looked} connections` : `${looked} connections since ${since}`;
	if (decidedOtherwise.length === 0) return `Of ${of} none would be decided otherwise.\n`;
	const total = decidedOtherwise.reduce((sum, { count }) => sum + count, 0);
	const width = String(decidedOtherwise[0]?.count ?? 0).length;
	const lines = decidedOtherwise.map(({ name, remote, port, protocol, process, unit, before, after, count }) => {
		const where = `${protocol} ${name ?? remote}${port === 0 ? "" : `:${port}`}`;
		const who = `${process ?? "?"}${unit === null ? "" : ` (${unit})`}`;
		const text = `${String(count).padStart(width)}  ${harmless(where)}  ${harmless(who)}  ${outcomeText(before)} -> ${outcomeText(after)}`;
		return colours ? `\x1b[${after.verdict === "allow" ? 32 : 31}m${text}\x1b[0m\n` : `${text}\n`;
	});
	return `Of ${of} ${total} would be decided otherwise:\n${lines.join("")}`;
}

function outcomeText({ verdict, phase, group, rule, reason }: Outcome): string {
	return harmless(`${verdict.replace("_", " ")} (${phase}: ${rule === null ? reason : `${group}/${rule}`})`);
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
			lines.push(paint(33, `~ rule ${name}: moved from place ${details[0]?.before} to ${details[0]?.after}`));
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
