import { DEFAULTS } from "../base/config.ts";
import { EXIT } from "../base/errors.ts";
import { plainLogger } from "../base/logger.ts";
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
			.description("put the last good policy in force without a daemon: the kernel decides, nobody records"),
	)
		.option("--policy <file>", "policy file, if none was kept", absolutePath, DEFAULTS.policy ?? undefined)
		.option("--anew", "the policy file, and not the policy that was kept")
		.option("--cgroup <path>", "only this cgroup v2 folder and what is below it", absolutePath)
		.choice(
			"--otherwise <what>",
			"if there is no good policy; open: nothing is enforced; closed: nothing leaves but loopback and DHCP",
			["open", "closed"],
			"open",
		)
		.option("--state-dir <path>", "folder of the policy that was kept", absolutePath, DEFAULTS.stateDir ?? undefined)
		.option("--json", "as one JSON document")
		.examples([
			"sudo sallyport attach",
			"sudo sallyport attach --anew --policy ./policy.yaml",
			"sudo sallyport attach --otherwise closed          what sallyport-early.service does at boot if on_boot is closed",
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
		program.subcommand("detach").description("take everything of Sallyport out of the kernel: nothing is enforced"),
	)
		.option("--json", "as one JSON document")
		.examples(["sudo systemctl stop sallyport && sudo sallyport detach", "sudo sallyport attach      puts it back"])
		.action(async ({ pins, runtimeDir, json }: Options) => {
			const result = await deps.detach({ pins, runtimeDir });
			if (json === true) deps.out.write(`${JSON.stringify(result)}\n`);
			else if (result.wasThere) deps.out.write(`Detached: nothing is enforced and nothing is left at ${pins}.\n`);
			else deps.out.write(`Nothing was attached by ${pins}: nothing is enforced.\n`);
		});
}

export function attachText(result: AttachResult): string {
	const { mode, rules, source, savedAt, generation, cgroup, pins } = result;
	const what = `${rules} rules, mode ${mode}, generation ${generation}`;
	const lines = {
		kept: `In force: the last good policy, ${source} of ${savedAt} (${what}).`,
		file: `In force: ${source} (${what}).`,
		before: `The policy file is no good; in force stays what was before (generation ${generation}).`,
		closed: "In force: closed. Nothing leaves but loopback, DHCP, and answers to who connects from outside.",
		nothing: "Nothing is in force: there is no good policy, and --otherwise is open.",
	};
	const where =
		result.origin === "nothing"
			? []
			: [`It holds for ${cgroup}, by the pins at ${pins}, until sallyport run takes over or sallyport detach.`];
	return `${[lines[result.origin], ...result.problems.map((problem) => `  ${problem}`), ...where].join("\n")}\n`;
}

function kernelOptions(command: CliCommand): CliCommand {
	return command
		.option("--pins <path>", "folder for the pins, on bpffs", absolutePath, DEFAULTS.pins)
		.option("--runtime-dir <path>", "folder of the lock", absolutePath, DEFAULTS.runtimeDir);
}
