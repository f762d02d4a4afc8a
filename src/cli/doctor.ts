import type { Status } from "../api/status.ts";
import { DEFAULTS } from "../base/config.ts";
import { EXIT, SallyportError } from "../base/errors.ts";
import { countText } from "../base/text.ts";
import type { CliCommand } from "./cli-command.ts";
import { requestJson } from "./client.ts";
import type { CliDeps, Finding } from "./deps.ts";
import { absolutePath, type HostOptions } from "./options.ts";
import { harmless, harmlessJson } from "./text.ts";

export function addDoctorCommand(program: CliCommand, deps: CliDeps, finish: (code: number) => void): void {
	program
		.subcommand("doctor")
		.description("check this host and print each problem with its remedy; changes nothing")
		.option("--policy <file>", "policy file", absolutePath, DEFAULTS.policy ?? undefined)
		.option("--cgroup <path>", "the watched cgroup v2 directory (default: the whole host)", absolutePath)
		.option("--pins <path>", "directory of the pins, on bpffs", absolutePath, DEFAULTS.pins)
		.option("--runtime-dir <path>", "directory of the lock file", absolutePath, DEFAULTS.runtimeDir)
		.option(
			"--state-dir <path>",
			"directory of the state that survives a restart",
			absolutePath,
			DEFAULTS.stateDir ?? undefined,
		)
		.socketOption()
		.option("--json", "one JSON document")
		.examples(
			["sudo sallyport doctor", "sudo sallyport doctor --json | jq '.findings[] | select(.result != \"ok\")'"],
			"Without root some checks are replaced by what the daemon reports, or marked as not checked. Only failures set exit code 5.",
		)
		.action((options: HostOptions & { readonly socket: string }) => doctor(options, deps, finish));
}

async function doctor(
	options: HostOptions & { readonly socket: string },
	deps: CliDeps,
	finish: (code: number) => void,
): Promise<void> {
	const { policy, pins, runtimeDir, stateDir, cgroup = null } = options;
	const status = await daemonStatus(options.socket);
	const report = await deps.doctor({ policy, pins, runtimeDir, stateDir, cgroup, status });
	const { findings } = report;
	if (findings.some(({ result }) => result === "failure")) finish(EXIT.NOT_WELL);
	if (options.json === true) {
		deps.out.write(`${harmlessJson(JSON.stringify(report))}\n`);
		return;
	}
	for (const finding of findings) deps.out.write(findingText(finding, deps.out.colours));
	const skipped = findings.filter(({ result }) => result === "not_checked").length;
	if (skipped > 0)
		deps.out.write(`\n${countText(skipped, "check")} skipped. ${status === null ? ROOT_OR_GROUP : ROOT}\n`);
}

/* Null without a daemon or without the right to use its socket. */
async function daemonStatus(socket: string): Promise<Status | null> {
	try {
		return await requestJson<Status>({ socket, path: "/v1/status", timeout: PATIENCE });
	} catch (error) {
		if (error instanceof SallyportError) return null;
		throw error;
	}
}

function findingText({ check, result, text, advice }: Finding, colours: boolean): string {
	const [label, colour] = LABELS[result];
	const word = colours ? `\x1b[${colour}m${label.padEnd(11)}\x1b[0m` : label.padEnd(11);
	const remedy = advice === null ? "" : `${" ".repeat(INDENT)}-> ${harmless(advice)}\n`;
	return `${word}  ${check.padEnd(16)}  ${harmless(text)}\n${remedy}`;
}

const ROOT = "Run the command with sudo to make them.";
const ROOT_OR_GROUP = `${ROOT} Members of the group sallyport see what the daemon reports, if one runs.`;
/** ms */
const PATIENCE = 5_000;
const INDENT = 31;
const LABELS: Readonly<Record<Finding["result"], readonly [label: string, colour: number]>> = {
	ok: ["ok", 32],
	warning: ["warning", 33],
	failure: ["failure", 31],
	not_checked: ["not checked", 36],
};
