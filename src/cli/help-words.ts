import { SallyportError } from "../base/errors.ts";
import type { CliCommand } from "./cli-command.ts";
import { harmless } from "./text.ts";

/**
 * The arguments as commander should read them: `help policy check` is `policy check --help`, and behind an unknown
 * command nothing is left, because commander would show the help of the command above it and report success.
 */
export function normalArguments(program: CliCommand, args: readonly string[]): readonly string[] {
	const path: string[] = [];
	let helps = false;
	let command = program;
	/* No command that has subcommands has an option with a value, so each other word is the name of a command. */
	for (const [at, word] of args.entries()) {
		if (word === "--" || command.subcommands.length === 0) return asked(path, args.slice(at), helps);
		if (word.startsWith("-")) path.push(word);
		else if (word === "help") helps = true;
		else {
			const below = command.subcommands.find((each) => each.name() === word);
			if (below === undefined) return [...path.filter((each) => !each.startsWith("-")), word];
			path.push(word);
			command = below;
		}
	}
	return asked(path, [], helps);
}

/** Throws SallyportError USAGE for a word that the command does not take: help was asked for something else. */
export function refuseOtherWords(command: CliCommand): void {
	const words = command.args.filter((word) => word !== "--help" && word !== "-h");
	const option = words.find((word) => word.startsWith("-"));
	if (option !== undefined) throw new SallyportError("USAGE", `unknown option '${harmless(option)}'`, SEE);
	const { registeredArguments } = command;
	if (command.subcommands.length > 0 || registeredArguments.at(-1)?.variadic === true) return;
	const extra = words[registeredArguments.length];
	if (extra !== undefined) throw new SallyportError("USAGE", `too many arguments: '${harmless(extra)}'`, SEE);
}

const SEE = "(see --help)";

function asked(path: readonly string[], rest: readonly string[], helps: boolean): readonly string[] {
	return helps ? [...path, "--help", ...rest] : [...path, ...rest];
}
