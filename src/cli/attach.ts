import { DEFAULTS } from "../base/config.ts";
import { EXIT } from "../base/errors.ts";
import { plainLogger } from "../base/logger.ts";
import { countText } from "../base/text.ts";
import type { CliCommand } from "./cli-command.ts";
import type { AttachResult, CliDeps } from "./deps.ts";
import { absolutePath, type HostOptions } from "./options.ts";

interface Options extends HostOptions {
	readonly anew?: boolean;
	readonly otherwise: "open" | "closed";
}

export function addAttachCommand(program: CliCommand, deps: CliDeps, finish: (code: number) => void): void {
	kernelOptions(
		program
			.subcommand("attach")
			.description("put the last good policy in force without a daemon: the kernel enforces, nothing is recorded"),
	)
		.option("--policy <file>", "policy file, if no policy was saved", absolutePath, DEFAULTS.policy)
		.option("--anew", "load the policy file, not the saved policy")
		.option("--cgroup <path>", "only this cgroup v2 directory and those below", absolutePath)
		.choice(
			"--otherwise <state>",
			"without a valid policy; open: nothing is enforced; closed: only loopback and DHCP leave",
			["open", "closed"],
			"open",
		)
		.option("--state-dir <path>", "directory of the saved policy", absolutePath, DEFAULTS.stateDir)
		.option("--json", "as one JSON document")
		.examples([
			"sudo sallyport attach",
			"sudo sallyport attach --anew --policy ./policy.yaml",
			"sudo sallyport attach --otherwise closed          as sallyport-early.service does with SALLYPORT_ON_BOOT=closed",
		])
		.action(async (options: Options) => {
			const { policy, pins, runtimeDir, stateDir, otherwise } = options;
			const log = plainLogger((line) => void deps.err.write(line));
			const cgroup = options.cgroup ?? null;
			const anew = options.anew === true;
			const { sizes } = DEFAULTS;
			const result = await deps.attach({ policy, pins, runtimeDir, stateDir, cgroup, otherwise, anew, sizes }, log);
			deps.out.write(options.json === true ? `${JSON.stringify(result)}\n` : attachText(result));
			if (result.origin === "nothing" || result.origin === "before") finish(EXIT.POLICY_INVALID);
		});
}

export function addDetachCommand(program: CliCommand, deps: CliDeps): void {
	kernelOptions(
		program.subcommand("detach").description("remove everything of Sallyport from the kernel: nothing is enforced"),
	)
		.option("--json", "as one JSON document")
		.examples([
			"sudo systemctl stop sallyport && sudo sallyport detach",
			"sudo sallyport attach      puts the policy back in force",
		])
		.action(async ({ pins, runtimeDir, json }: Options) => {
			const result = await deps.detach({ pins, runtimeDir });
			if (json === true) deps.out.write(`${JSON.stringify(result)}\n`);
			else if (result.wasThere) deps.out.write(`Detached: nothing is enforced and nothing is left at ${pins}.\n`);
			else deps.out.write(`Nothing was attached by ${pins}: nothing is enforced.\n`);
		});
}

export function attachText(result: AttachResult): string {
	const { mode, rules, source, savedAt, generation, cgroup, pins } = result;
	const what = `${countText(rules ?? 0, "rule")}, mode ${mode}, generation ${generation}`;
	const lines = {
		kept: `In force: the last good policy, ${source} of ${savedAt} (${what}).`,
		file: `In force: ${source} (${what}).`,
		before: `The policy file is invalid; the previous policy stays in force (generation ${generation}).`,
		closed: "In force: closed. Only loopback, DHCP and replies to inbound connections leave.",
		nothing: "Nothing is in force: there is no valid policy, and --otherwise is open.",
	};
	const where =
		result.origin === "nothing"
			? []
			: [
					`It applies to ${cgroup}, by the pins at ${pins}, until sallyport run takes over or sallyport detach removes it.`,
				];
	return `${[lines[result.origin], ...result.problems.map((problem) => `  ${problem}`), ...where].join("\n")}\n`;
}

function kernelOptions(command: CliCommand): CliCommand {
	return command
		.option("--pins <path>", "directory for the pins, below /sys/fs/bpf", absolutePath, DEFAULTS.pins)
		.option("--runtime-dir <path>", "directory of the lock", absolutePath, DEFAULTS.runtimeDir);
}
