import { Command, CommanderError } from "commander";
import { EXIT, exitCodeOf, sentence } from "../errors.ts";
import { addConnectionsCommand } from "./connections.ts";
import type { CliDeps } from "./deps.ts";
import { addObserveCommand } from "./observe.ts";
import { addPolicyCommand } from "./policy.ts";
import { addRunCommand } from "./run.ts";
import { addStatusCommand } from "./status.ts";

/** Runs the command line. Returns the exit code; never throws for what a person did wrong. */
export async function runCommandLine(args: readonly string[], deps: CliDeps): Promise<number> {
	let exitCode: number = EXIT.OK;
	const finish = (code: number) => {
		exitCode = code;
	};
	const program = new Command("sallyport")
		.description("Shows what this host talks to, and enforces a policy for it, in the kernel.")
		.version(deps.version)
		.showHelpAfterError("(--help shows what there is)")
		.addHelpText("after", EXAMPLES);
	addRunCommand(program, deps);
	addObserveCommand(program, deps);
	addPolicyCommand(program, deps, finish);
	addConnectionsCommand(program, deps);
	addStatusCommand(program, deps);
	for (const command of everyCommand(program)) {
		command.exitOverride();
		command.configureOutput({
			writeOut: (text) => void deps.out.write(text),
			writeErr: (text) => void deps.err.write(text),
		});
	}
	try {
		await program.parseAsync([...args], { from: "user" });
		return exitCode;
	} catch (error) {
		if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
		deps.err.write(`sallyport: ${sentence(error)}\n`);
		return exitCodeOf(error);
	}
}

const EXAMPLES = `
Examples:
  sudo sallyport observe                          what the host talks to, live; blocks nothing
  sudo sallyport observe --cgroup /sys/fs/cgroup/system.slice
  sallyport policy check policy.yaml
  sudo sallyport run --policy /etc/sallyport/policy.yaml
  sallyport connections --verdict deny --since 15m
  sallyport status

Exit codes: 0 done, 1 unexpected failure, 2 wrong use, 3 invalid policy, 10 and up: docs/cli.md`;

function* everyCommand(command: Command): Generator<Command> {
	yield command;
	for (const below of command.commands) yield* everyCommand(below);
}
