import { EXIT } from "../base/errors.ts";
import type { CliCommand } from "./cli-command.ts";
import type { CliDeps, ReplayReport, ReplayRow } from "./deps.ts";
import { cutMiddle } from "./display-width.ts";
import { absolutePath } from "./options.ts";
import { addTableOptions, type Column, checkColumns, type Table, type TableOptions, tableLines } from "./table.ts";
import { harmless, harmlessJson } from "./text.ts";

interface Options extends TableOptions {
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
	const command = program
		.subcommand("replay")
		.description("show the clients, servers and names in captures (pcap, pcapng, gzip), and what a policy would decide")
		.argument("<file...>", "captures in the order of their time; - is standard input")
		.option("--policy <file>", "decide by this policy, as mode enforce would", absolutePath)
		.option(
			"--resolver <address>",
			"trust DNS answers from this address too; default: every resolver that is queried (repeatable)",
			(value: string, before: readonly string[] = []) => [...before, value],
		)
		.option("--exe <path>", "assume that this program is the client")
		.option("--user <user>", "assume this user: a name on this host, or a uid")
		.option("--unit <unit>", "assume this systemd unit")
		.option("--container <id>", "assume this container")
		.option("--cgroup <path>", "assume this cgroup");
	addTableOptions(
		command,
		tableOf(true).columns.map(({ key }) => key),
	)
		.option("--json", "one JSON object per line and row")
		.examples(
			[
				"sallyport replay capture.pcapng",
				"sallyport replay --policy policy.yaml --unit agent.service *.pcap",
				"sallyport replay --json capture.pcap.gz | jq -r 'select(.from == \"tls\").name' | sort -u",
				"tcpdump -i eth0 -w - -c 10000 | sallyport replay -",
			],
			"Needs neither a daemon nor root. A capture does not identify the client: `from` in a rule matches only the options given here.",
		)
		.action(async (files: string[], options: Options) => {
			const { policy, resolver = [], exe, user, unit, container, cgroup } = options;
			checkColumns(tableOf(policy !== undefined), options);
			const who = Object.fromEntries(
				Object.entries({ exe, user, unit, container, cgroup }).filter(([, value]) => value !== undefined),
			);
			const report = await deps.replay({ files, policy: policy ?? null, resolvers: resolver, who });
			show(report, options, deps);
			if (report.files.some(({ problem }) => problem !== null)) finish(EXIT.CAPTURE_INVALID);
		});
}

function show({ rows, files }: ReplayReport, options: Options, { out, err }: CliDeps): void {
	const lines =
		options.json === true
			? rows.map((row) => harmlessJson(JSON.stringify(row)))
			: rows.length === 0
				? []
				: tableLines(tableOf(options.policy !== undefined), options, out, rows);
	for (const line of lines) out.write(`${line}\n`);
	for (const { file, packets, problem, unknownLinks } of files) {
		const name = file === "-" ? "standard input" : file;
		for (const { linkType, packets: unread } of unknownLinks)
			err.write(
				`${harmless(`${name}: ${unread} of ${packets} packets were skipped: link type ${linkType} is not supported`)}\n`,
			);
		if (problem !== null) err.write(`${harmless(`${name}: ${problem}`)}\n`);
	}
}

function tableOf(judged: boolean): Table<ReplayRow> {
	return {
		columns: judged ? [...COLUMNS, ...JUDGED] : COLUMNS,
		worth: [
			"port",
			"name",
			...(judged ? ["verdict"] : []),
			"server",
			...(judged ? ["rule"] : []),
			"count",
			"client",
			"from",
		],
		paintLine: ({ verdict }, text) => (verdict === "deny" ? `\x1b[31m${text}\x1b[0m` : text),
	};
}

const COLUMNS: readonly Column<ReplayRow>[] = [
	{ key: "count", title: "COUNT", text: ({ count }) => String(count), least: 5, usual: 7, right: true },
	{ key: "client", title: "CLIENT", text: ({ client }) => client, least: 11, usual: 15, shorten: cutMiddle },
	{ key: "server", title: "SERVER", text: ({ server }) => server, least: 13, usual: 15, shorten: cutMiddle },
	{ key: "port", title: "PORT", text: ({ port, protocol }) => `${port}/${protocol}`, least: 9, usual: 9 },
	{ key: "name", title: "NAME", text: ({ name }) => name ?? "-", least: 14, usual: 30, shorten: cutMiddle },
	{ key: "from", title: "FROM", text: ({ from }) => from ?? "-", least: 8, usual: 8 },
];

const JUDGED: readonly Column<ReplayRow>[] = [
	{ key: "verdict", title: "VERDICT", text: ({ verdict }) => verdict ?? "-", least: 7, usual: 7 },
	{
		key: "rule",
		title: "RULE",
		text: ({ group, rule, phase, reason }) => (rule == null ? `${phase}: ${reason}` : `${group}/${rule}`),
		...{ least: 10, usual: 20 },
		shorten: cutMiddle,
	},
];
