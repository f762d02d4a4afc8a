import { DEFAULTS } from "../base/config.ts";
import { EXIT } from "../base/errors.ts";
import type { CliCommand } from "./cli-command.ts";
import type { CliDeps, Finding } from "./deps.ts";
import { harmless, harmlessJson } from "./harmless.ts";
import { absolutePath, type HostOptions } from "./options.ts";

export function addDoctorCommand(program: CliCommand, deps: CliDeps, finish: (code: number) => void): void {
	program
		.subcommand("doctor")
		.description("what on this host helps or hinders Sallyport, and what to do about it; changes nothing")
		.option("--policy <file>", "policy file", absolutePath, DEFAULTS.policy ?? undefined)
		.option("--cgroup <path>", "the cgroup v2 folder that is watched (default: the whole host)", absolutePath)
		.option("--pins <path>", "folder for the pins, on bpffs", absolutePath, DEFAULTS.pins)
		.option("--runtime-dir <path>", "folder of the lock", absolutePath, DEFAULTS.runtimeDir)
		.option("--state-dir <path>", "folder for what survives a restart", absolutePath, DEFAULTS.stateDir ?? undefined)
		.option("--json", "as one JSON document")
		.examples(["sudo sallyport doctor", "sudo sallyport doctor --json | jq '.findings[] | select(.result != \"ok\")'"])
		.action(async (options: HostOptions) => {
			const { policy, pins, runtimeDir, stateDir, cgroup = null } = options;
			const report = await deps.doctor({ policy, pins, runtimeDir, stateDir, cgroup });
			deps.out.write(
				options.json === true
					? `${harmlessJson(JSON.stringify(report))}\n`
					: report.findings.map((finding) => findingText(finding, deps.out.colours)).join(""),
			);
			if (report.findings.some(({ result }) => result === "failure")) finish(EXIT.NOT_WELL);
		});
}

function findingText({ check, result, text, advice }: Finding, colours: boolean): string {
	const word = colours ? `\x1b[${COLOUR[result]}m${result.padEnd(7)}\x1b[0m` : result.padEnd(7);
	const next = advice === null ? "" : `${" ".repeat(INDENT)}-> ${harmless(advice)}\n`;
	return `${word}  ${check.padEnd(16)}  ${harmless(text)}\n${next}`;
}

const INDENT = 27;
const COLOUR: Readonly<Record<Finding["result"], number>> = { ok: 32, warning: 33, failure: 31 };
