import { EXIT } from "../base/errors.ts";
import type { CliCommand } from "./cli-command.ts";
import { type Column, columns } from "./columns.ts";
import type { CliDeps, ReplayReport, ReplayRow } from "./deps.ts";
import { harmless, harmlessJson } from "./harmless.ts";
import { absolutePath } from "./options.ts";

interface Options {
	readonly policy?: string;
	readonly resolver?: readonly string[];
	readonly exe?: string;
	readonly user?: string;
	readonly unit?: string;
	readonly container?: string;
	readonly cgroup?: string;
	readonly json?: boolean;
}

export function addReplayCommand(program: CliCommand, deps: CliDeps, finish: (code: number) => void): void {
	program
		.subcommand("replay")
		.description(
			"who talked to which names in captures (pcap, pcapng, also gzip'ed), and what a policy would have decided",
		)
		.argument("<file...>", "captures, in the order of their time; - is standard input")
		.option("--policy <file>", "decide by this policy; what is shown is what mode enforce would do", absolutePath)
		.option(
			"--resolver <address>",
			"whose DNS answers count, besides the policy's resolvers (default: whoever is asked); may be repeated",
			(value: string, before: readonly string[] = []) => [...before, value],
		)
		.option("--exe <path>", "take it that this program talked")
		.option("--user <user>", "take it that this user talked: a name of this host, or a uid")
		.option("--unit <unit>", "take it that this unit talked")
		.option("--container <id>", "take it that this container talked")
		.option("--cgroup <path>", "take it that this cgroup talked")
		.option("--json", "one JSON line a row")
		.examples(
			[
				"sallyport replay capture.pcapng",
				"sallyport replay --policy policy.yaml --unit agent.service *.pcap",
				"sallyport replay --json capture.pcap.gz | jq -r 'select(.from == \"tls\").name' | sort -u",
				"tcpdump -i eth0 -w - -c 10000 | sallyport replay -",
			],
			"No daemon and no root are needed. A capture does not tell who talked: rules with `from` match only what is given here.",
		)
		.action(async (files: string[], options: Options) => {
			const { policy, resolver = [], exe, user, unit, container, cgroup } = options;
			const who = Object.fromEntries(
				Object.entries({ exe, user, unit, container, cgroup }).filter(([, value]) => value !== undefined),
			);
			const report = await deps.replay({ files, policy: policy ?? null, resolvers: resolver, who });
			show(report, options, deps);
			if (report.files.some(({ problem }) => problem !== null)) finish(EXIT.CAPTURE_INVALID);
		});
}

function show({ rows, files }: ReplayReport, options: Options, { out, err }: CliDeps): void {
	if (options.json === true) for (const row of rows) out.write(`${harmlessJson(JSON.stringify(row))}\n`);
	else if (rows.length > 0) {
		const line = columns(columnsOf(options.policy !== undefined), out.terminal ? out.width() : 160);
		for (const row of [null, ...rows]) out.write(`${paint(row, line(row), out.colours)}\n`);
	}
	for (const { file, packets, problem, unknownLinks } of files) {
		const name = file === "-" ? "standard input" : file;
		for (const { linkType, packets: unread } of unknownLinks)
			err.write(
				`${harmless(`${name}: ${unread} of ${packets} packets have link type ${linkType}, which is not read`)}\n`,
			);
		if (problem !== null) err.write(`${harmless(`${name}: ${problem}`)}\n`);
	}
}

function columnsOf(judged: boolean): readonly Column<ReplayRow>[] {
	return [
		{ title: "COUNT", text: ({ count }) => String(count), least: 7, right: true },
		{ title: "CLIENT", text: ({ client }) => client, least: 15, share: 2, keep: 1 },
		{ title: "SERVER", text: ({ server }) => server, least: 15, share: 2, keep: 3 },
		{ title: "PORT", text: ({ port, protocol }) => `${port}/${protocol}`, least: 9 },
		{ title: "NAME", text: ({ name }) => name ?? "-", least: 24, share: 5 },
		{ title: "FROM", text: ({ from }) => from ?? "-", least: 8, keep: 2 },
		...(judged ? JUDGED : []),
	];
}

const JUDGED: readonly Column<ReplayRow>[] = [
	{ title: "VERDICT", text: ({ verdict }) => verdict ?? "-", least: 7 },
	{
		title: "RULE",
		text: ({ group, rule, phase, reason }) => (rule == null ? `${phase}: ${reason}` : `${group}/${rule}`),
		least: 14,
		share: 3,
	},
];

function paint(row: ReplayRow | null, text: string, colours: boolean): string {
	if (!colours) return text;
	if (row === null) return `\x1b[1m${text}\x1b[0m`;
	return row.verdict === "deny" ? `\x1b[31m${text}\x1b[0m` : text;
}
