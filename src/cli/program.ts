import { type Command, CommanderError } from "commander";
import { EXIT, exitCodeOf, SallyportError, sentence } from "../base/errors.ts";
import { withPriority } from "../base/logger.ts";
import { addAttachCommand, addDetachCommand } from "./attach.ts";
import { CliCommand } from "./cli-command.ts";
import { addCompletionCommand } from "./completion.ts";
import { addConnectionsCommand } from "./connections.ts";
import type { CliDeps } from "./deps.ts";
import { addDoctorCommand } from "./doctor.ts";
import { normalArguments, refuseOtherWords } from "./help-words.ts";
import { addManCommand } from "./man.ts";
import { addMetricsUserCommand } from "./metrics-user.ts";
import { addNamesCommand } from "./names.ts";
import { addObserveCommand } from "./observe.ts";
import { addOverlayCommands } from "./overlay-create.ts";
import { addOverlaysCommands } from "./overlays.ts";
import { addPolicyCommand } from "./policy.ts";
import { addReplayCommand } from "./replay.ts";
import { addRunCommand } from "./run.ts";
import { addStatusCommand } from "./status.ts";
import { addStreamCommand } from "./stream.ts";
import { addTopCommand } from "./top.ts";

/** Runs the command line and returns the exit code. An error is printed as one line on standard error; none is thrown. */
export async function runCommandLine(args: readonly string[], deps: CliDeps): Promise<number> {
	let exitCode: number = EXIT.OK;
	const program = buildProgram(deps, (code) => {
		exitCode = code;
	});
	try {
		await program.parseAsync(normalArguments(program, args), { from: "user" });
		return exitCode;
	} catch (error) {
		if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
		deps.err.write(
			withPriority(`sallyport: ${sentence(withKernelState(error, deps))}\n`, "error", deps.err.journal === true),
		);
		return exitCodeOf(error);
	}
}

/**
 * All commands, from which help, man page and completion are generated. `finish` sets the exit code of a command that
 * completes without an error.
 */
export function buildProgram(deps: CliDeps, finish: (code: number) => void): CliCommand {
	const program = new CliCommand("sallyport")
		.description("Monitor outbound connections of this host and enforce an egress policy in the kernel.")
		.version(deps.version)
		.showHelpAfterError("(see --help)")
		.examples(
			EXAMPLES,
			"Exit codes: 0 success, 1 unexpected error, 2 wrong usage, 3 invalid policy, 4 invalid capture; the others: sallyport man",
		);
	addRunCommand(program, deps);
	addObserveCommand(program, deps);
	addConnectionsCommand(program, deps);
	addTopCommand(program, deps);
	addNamesCommand(program, deps);
	addStreamCommand(program, deps);
	addPolicyCommand(program, deps, finish);
	addOverlayCommands(program, deps);
	addOverlaysCommands(program, deps);
	addReplayCommand(program, deps, finish);
	addStatusCommand(program, deps);
	addAttachCommand(program, deps, finish);
	addDetachCommand(program, deps);
	addDoctorCommand(program, deps, finish);
	addMetricsUserCommand(program, deps);
	addCompletionCommand(program, deps);
	addManCommand(program, deps);
	program.hook("preAction", (_, command) => refuseEmptyValues(command));
	program.addHelpText("beforeAll", ({ command, error }) => {
		if (!error) refuseOtherWords(command as CliCommand);
		return "";
	});
	for (const command of everyCommand(program)) {
		command.exitOverride();
		command.configureOutput({
			writeOut: (text) => void deps.out.write(text),
			writeErr: (text) => void deps.err.write(text),
			outputError: (text, write) => write(text.replace(/^error: /, "sallyport: ")),
			getOutHelpWidth: () => (deps.out.terminal ? deps.out.width() : 100),
			getErrHelpWidth: () => (deps.err.terminal ? deps.err.width() : 100),
			getOutHasColors: () => deps.out.colours,
			getErrHasColors: () => deps.err.colours,
		});
	}
	return program;
}

const EXAMPLES = [
	"sudo sallyport observe                          show outbound connections, live; blocks nothing",
	"sudo sallyport run --policy /etc/sallyport/policy.yaml",
	"sallyport policy check policy.yaml",
	"sallyport connections --verdict deny --since 15m",
	"sallyport top --by process,name",
	"sallyport stream --unit agent.service",
	"sallyport policy explain --to 192.0.2.1:443/tcp --name api.example.com --exe /usr/bin/curl",
	"sallyport replay capture.pcapng                 clients, servers and names of a capture",
	"sudo sallyport allow downloads.example.com:443 --for 10m",
	"sallyport status",
];

/* Without a daemon the kernel may still enforce a policy. */
function withKernelState(error: unknown, deps: CliDeps): unknown {
	if (!(error instanceof SallyportError) || error.code !== "DAEMON_UNREACHABLE") return error;
	const state = deps.kernelState();
	return state === null ? error : new SallyportError(error.code, `${error.message} ${state}`, error.hint, error);
}

/* An empty value is a shell variable that is not set, and would otherwise count as an option that is not given. */
function refuseEmptyValues(command: Command): void {
	for (const [name, value] of Object.entries(command.opts()))
		if (value === "") throw new SallyportError("USAGE", `${optionNamed(command, name)} must not be empty.`);
	const empty = command.registeredArguments.find((_, at) => command.args[at] === "");
	if (empty !== undefined) throw new SallyportError("USAGE", `${empty.name()} must not be empty.`);
}

function optionNamed(command: Command, name: string): string {
	return command.options.find((option) => option.attributeName() === name)?.long ?? name;
}

function* everyCommand(command: CliCommand): Generator<CliCommand> {
	yield command;
	for (const below of command.subcommands) yield* everyCommand(below);
}
