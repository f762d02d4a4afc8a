import { Command, Option } from "commander";
import { DEFAULTS } from "../base/config.ts";
import { absolutePath, oneOf } from "./options.ts";

/** A command that keeps its examples and notes, from which help and man page are generated. */
export class CliCommand extends Command {
	exampleLines: readonly string[] = [];
	notes = "";
	/** True if the command works only while a daemon answers. */
	needsDaemon = false;

	override createCommand(name?: string): CliCommand {
		return new CliCommand(name);
	}

	subcommand(name: string): CliCommand {
		return this.command(name) as CliCommand;
	}

	examples(lines: readonly string[], notes = ""): this {
		this.exampleLines = lines;
		this.notes = notes;
		return this.addHelpText("after", () => {
			const width = this.configureOutput().getOutHelpWidth?.() ?? 80;
			const wrapped = notes === "" ? [] : ["", this.createHelp().boxWrap(notes, width)];
			return ["", "Examples:", ...lines.map((line) => `  ${line}`), ...wrapped].join("\n");
		});
	}

	/** An option with a fixed set of values. */
	choice(flags: string, description: string, words: readonly string[], preset?: string): this {
		const option = new Option(flags, description).choices(words).argParser(oneOf(words));
		return this.addOption(preset === undefined ? option : option.default(preset));
	}

	/** The command lines that a daemon keeps. */
	argumentsOption(): this {
		return this.choice(
			"--args <how>",
			"arguments of processes in records; redacted: without passwords and tokens; none: only the program",
			["full", "redacted", "none"],
			DEFAULTS.args,
		);
	}

	/** The options of a command that queries the daemon. `json` describes its --json. */
	queriesDaemon(json: string): this {
		this.needsDaemon = true;
		return this.socketOption().option("--json", json);
	}

	socketOption(): this {
		return this.option("--socket <path>", "unix socket of the daemon", absolutePath, DEFAULTS.socket ?? undefined);
	}

	get subcommands(): readonly CliCommand[] {
		return this.commands as readonly CliCommand[];
	}
}

export interface DaemonOptions {
	readonly socket: string;
	readonly json?: boolean;
}
