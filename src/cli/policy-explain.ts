import type { ExplainRequest, Explanation, LookAnswer, PhaseAnswer, RuleAnswer } from "../api/policy-types.ts";
import { SallyportError } from "../base/errors.ts";
import type { CliCommand, DaemonOptions } from "./cli-command.ts";
import { requestJson } from "./client.ts";
import type { CliDeps } from "./deps.ts";
import { invalid, positiveInteger } from "./options.ts";
import { harmless, harmlessJson } from "./text.ts";

interface Options extends DaemonOptions {
	readonly exe?: string;
	readonly user?: string;
	readonly unit?: string;
	readonly container?: string;
	readonly cgroup?: string;
	readonly to?: NonNullable<ExplainRequest["to"]>;
	readonly name?: string;
	readonly method?: string;
	readonly path?: string;
	readonly status?: number;
	readonly learned?: boolean;
	readonly all?: boolean;
}

export function addPolicyExplain(policy: CliCommand, deps: CliDeps): void {
	policy
		.subcommand("explain")
		.description("show what the policy in force decides about a connection, with each rule considered and why")
		.option("--exe <path>", "path of the program")
		.option("--user <user>", "user of the process: a name or uid")
		.option("--unit <unit>", "systemd unit of the process")
		.option("--container <id>", "container of the process")
		.option("--cgroup <path>", "cgroup of the process, relative to the watched one; replaces unit and container")
		.option(
			"--to <address:port/protocol>",
			"destination: 192.0.2.1:443/tcp, [2001:db8::1]:53/udp, 192.0.2.1/icmp",
			destination,
		)
		.option("--name <name>", "name that is looked up and sent (SNI or Host)")
		.option("--method <method>", "method of a cleartext HTTP request (default: GET if --path or --status is given)")
		.option("--path <path>", "path of the request, with its query (default: / if --method or --status is given)")
		.option("--status <status>", "status of the response", positiveInteger)
		.option(
			"--learned",
			"use only addresses that DNS has returned for the name so far (default: assume the address was returned)",
		)
		.option("--all", "also show rules of other phases")
		.queriesDaemon("one JSON document")
		.examples([
			"sallyport policy explain --to 192.0.2.1:443/tcp --name api.example.com --exe /usr/bin/curl --user agent",
			"sallyport policy explain --unit agent.service --name api.example.com",
			"sallyport policy explain --to 169.254.169.254:80/tcp --method PUT --path /latest/api/token",
			"sallyport policy explain --to 10.0.0.5:5432 --json | jq -r .verdict",
		])
		.action((options: Options) => explain(options, deps));
}

async function explain(options: Options, deps: CliDeps): Promise<void> {
	const { socket, exe, user, unit, container, cgroup, to, name } = options;
	if (to === undefined && name === undefined)
		throw new SallyportError("USAGE", "Give --to, --name, or both.", "Examples: sallyport policy explain --help.");
	const request: ExplainRequest = {
		who: given({ exe, user, unit, container, cgroup }),
		...given({ to, name, request: requestOf(options) }),
		assumeLearned: options.learned !== true,
	};
	const answer = await requestJson<Explanation>({
		socket,
		path: "/v1/policy/explain",
		method: "POST",
		type: "application/json",
		body: JSON.stringify(request),
	});
	const { out } = deps;
	if (options.json === true) out.write(`${harmlessJson(JSON.stringify(answer))}\n`);
	else out.write(explanationText(answer, out.colours, options.all === true));
}

function requestOf({ method, path, status }: Options): ExplainRequest["request"] | undefined {
	return method === undefined && path === undefined && status === undefined
		? undefined
		: given({ method, path, status });
}

export function explanationText(answer: Explanation, colours: boolean, all = false): string {
	const paint = (code: string, text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);
	const lines = [
		`${paint(COLOURS.get(answer.verdict) ?? "0", answer.verdict.replace("_", " "))}: ${harmless(answer.summary)}`,
		`policy generation ${answer.generation}, mode ${answer.mode}`,
	];
	const { remedy } = answer;
	if (remedy) lines.push(`remedy: ${harmless(remedy.text)}`);
	if (remedy?.rule) lines.push(`rule: ${harmless(remedy.rule)}`);
	for (const phase of answer.phases) lines.push("", ...phaseLines(phase, paint, all));
	return lines.map((line) => `${line}\n`).join("");
}

type Paint = (code: string, text: string) => string;

const COLOURS: ReadonlyMap<string, string> = new Map(
	Object.entries<string>({ allow: "32;1", deny: "31;1", would_deny: "33;1" }),
);
const MARKS: ReadonlyMap<string, string> = new Map(
	Object.entries<string>({ decides: ">", alerts: "!", no_match: " ", other_phase: " " }),
);

function phaseLines(phase: PhaseAnswer, paint: Paint, all: boolean): string[] {
	const verdict = paint(COLOURS.get(phase.verdict) ?? "0", phase.verdict.replace("_", " "));
	return [
		`${paint("1", `phase ${phase.phase}`)}: ${verdict}: ${harmless(phase.summary)}`,
		...phase.looks.flatMap((look) => lookLines(look, phase.looks.length > 1, paint, all)),
	];
}

function lookLines(look: LookAnswer, several: boolean, paint: Paint, all: boolean): string[] {
	const head = several
		? [`  for ${look.name === null ? "no name" : harmless(look.name)}${look.decisive ? " (decides)" : ""}:`]
		: [];
	const shown = look.rules.filter(({ outcome }) => all || outcome !== "other_phase");
	const width = Math.max(0, ...shown.map(({ group, rule }) => group.length + rule.length + 1));
	const hidden = look.rules.length - shown.length;
	const rest = [
		...(hidden > 0 ? [`${hidden} of other phases`] : []),
		...(look.notReached > 0 ? [`${look.notReached} not reached`] : []),
	];
	return [
		...head,
		...shown.map((rule) => ruleLine(rule, width, paint)),
		...(rest.length > 0 ? [paint("2", `    (${rest.join(", ")})`)] : []),
	];
}

function ruleLine({ group, rule, action, outcome, why }: RuleAnswer, width: number, paint: Paint): string {
	const text = `  ${MARKS.get(outcome) ?? " "} ${action.padEnd(5)} ${harmless(`${group}/${rule}`).padEnd(width)}  ${harmless(why)}`;
	return outcome === "decides" ? paint("1", text) : text;
}

/** 192.0.2.1:443/tcp, [2001:db8::1]:53/udp, 192.0.2.1/icmp, 2001:db8::1. */
function destination(value: string): NonNullable<ExplainRequest["to"]> {
	const match = /^(?:\[([^\]]+)\]|([^:/[\]]+)|([0-9a-fA-F:.]+))(?::(\d{1,5}))?(?:\/([a-z0-9]+))?$/.exec(value);
	const address = match?.[1] ?? match?.[2] ?? match?.[3];
	if (address === undefined || Number(match?.[4] ?? 0) > 65_535)
		throw invalid(value, "a destination: ADDRESS:PORT/PROTOCOL, such as 192.0.2.1:443/tcp or [2001:db8::1]:443/tcp");
	return { address, ...given({ port: match?.[4] === undefined ? undefined : Number(match[4]), protocol: match?.[5] }) };
}

function given<T extends object>(all: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
	return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as never;
}
