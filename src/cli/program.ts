import { CommanderError } from "commander";
import { EXIT, exitCodeOf, sentence } from "../base/errors.ts";
import { withPriority } from "../base/logger.ts";
import { addAttachCommand, addDetachCommand } from "./attach.ts";
import { CliCommand } from "./cli-command.ts";
import { addCompletionCommand } from "./completion.ts";
import { addConnectionsCommand } from "./connections.ts";
import type { CliDeps } from "./deps.ts";
import { addDoctorCommand } from "./doctor.ts";
import { addManCommand } from "./man.ts";
import { addMetricsUserCommand } from "./metrics-user.ts";
import { addNamesCommand } from "./names.ts";
import { addObserveCommand } from "./observe.ts";
import { addPolicyCommand } from "./policy.ts";
import { addReplayCommand } from "./replay.ts";
import { addRunCommand } from "./run.ts";
import { addStatusCommand } from "./status.ts";
import { addStreamCommand } from "./stream.ts";
import { addTopCommand } from "./top.ts";

/** Runs the command line. Returns the exit code; never throws for what a person did wrong. */
export async function runCommandLine(args: readonly string[], deps: CliDeps): Promise<number> {
	let exitCode: number = EXIT.OK;
	const program = buildProgram(deps, (code) => {
		exitCode = code;
	});
	try {
		await program.parseAsync([...args], { from: "user" });
		return exitCode;
	} catch (error) {
		if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
		deps.err.write(withPriority(`sallyport: ${sentence(error)}\n`, "error", deps.err.journal === true));
		return exitCodeOf(error);
	}
}

/** All commands: what help, man page and completion are made of. `finish` sets the exit code of one that went well. */
export function buildProgram(deps: CliDeps, finish: (code: number) => void): CliCommand {
	const program = new CliCommand("sallyport")
		.description("Shows what this host talks to, and enforces a policy for it, in the kernel.")
		.version(deps.version)
		.showHelpAfterError("(--help shows what there is)")
		.examples(
			EXAMPLES,
			"Exit codes: 0 done, 1 unexpected failure, 2 wrong use, 3 invalid policy, 4 invalid capture, 10 and up: sallyport man",
		);
	addRunCommand(program, deps);
	addObserveCommand(program, deps);
	addConnectionsCommand(program, deps);
	addTopCommand(program, deps);
	addNamesCommand(program, deps);
	addStreamCommand(program, deps);
	addPolicyCommand(program, deps, finish);
	addReplayCommand(program, deps, finish);
	addStatusCommand(program, deps);
	addAttachCommand(program, deps, finish);
	addDetachCommand(program, deps);
	addDoctorCommand(program, deps, finish);
	addMetricsUserCommand(program, deps);
	addCompletionCommand(program, deps);
	addManCommand(program, deps);
	for (const command of everyCommand(program)) {
		command.exitOverride();
		command.configureOutput({
			writeOut: (text) => void deps.out.write(text),
			writeErr: (text) => void deps.err.write(text),
			getOutHelpWidth: () => (deps.out.terminal ? deps.out.width() : 100),
			getErrHelpWidth: () => (deps.err.terminal ? deps.err.width() : 100),
			getOutHasColors: () => deps.out.colours,
			getErrHasColors: () => deps.err.colours,
		});
	}
	return program;
}

const EXAMPLES = [
	"sudo sallyport observe                          what the host talks to, live; blocks nothing",
	"sudo sallyport run --policy /etc/sallyport/policy.yaml",
	"sallyport policy check policy.yaml",
	"sallyport connections --verdict deny --since 15m",
	"sallyport top --by process,name",
	"sallyport stream --unit agent.service",
	"sallyport policy explain --to 192.0.2.1:443/tcp --name api.example.com --exe /usr/bin/curl",
	"sallyport replay capture.pcapng                 who talked to which names",
	"sallyport status",
];

function* everyCommand(command: CliCommand): Generator<CliCommand> {
	yield command;
	for (const below of command.below) yield* everyCommand(below);
}
