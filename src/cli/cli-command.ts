import { Command, Option } from "commander";
import { DEFAULTS } from "../base/config.ts";
import { absolutePath } from "./options.ts";

/** A command that keeps its examples and notes: help and man page are made of the same. */
export class CliCommand extends Command {
	exampleLines: readonly string[] = [];
	/** What there is to say besides. */
	notes = "";

	override createCommand(name?: string): CliCommand {
		return new CliCommand(name);
	}

	subcommand(name: string): CliCommand {
		return this.command(name) as CliCommand;
	}

	examples(lines: readonly string[], notes = ""): this {
		this.exampleLines = lines;
		this.notes = notes;
		const shown = ["", "Examples:", ...lines.map((line) => `  ${line}`), ...(notes === "" ? [] : ["", notes])];
		return this.addHelpText("after", shown.join("\n"));
	}

	/** An option that takes one of few words. */
	choice(flags: string, description: string, words: readonly string[], preset?: string): this {
		const option = new Option(flags, description).choices(words);
		return this.addOption(preset === undefined ? option : option.default(preset));
	}

	/** For what asks the daemon. */
	asks(json: string): this {
		return this.option(
			"--socket <path>",
			"unix socket of the daemon",
			absolutePath,
			DEFAULTS.socket ?? undefined,
		).option("--json", json);
	}

	get below(): readonly CliCommand[] {
		return this.commands as readonly CliCommand[];
	}
}

export interface Asking {
	readonly socket: string;
	readonly json?: boolean;
}
