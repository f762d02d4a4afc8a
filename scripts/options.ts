/** Arguments of the developers' commands: `--help` describes them, and wrong ones are reported before anything begins. */
import { type ParseArgsConfig, parseArgs } from "node:util";

type Config = NonNullable<ParseArgsConfig["options"]>;
const OWN = { help: { type: "boolean", short: "h", default: false } } as const;

/**
 * Ends the process with 0 after `--help`, and with 2 if an option is unknown or lacks its value, or if there are more than `most`
 * positional arguments. `help`: of help.mjs.
 */
export function readOptions<const T extends Config>(help: string | undefined, options: T, most = 0) {
	const { values, positionals } = parsed({ ...options, ...OWN });
	helpIf("help" in values && values.help === true, help);
	if (positionals.length > most) misuse(`"${positionals[most]}" is one argument too many`);
	return { values, positionals };
}

export function helpIf(wanted: boolean, help = ""): void {
	if (!wanted) return;
	process.stdout.write(`${help.trim()}\n`);
	process.exit(0);
}

/** A number above 0. */
export function amount(option: string, text: string): number {
	const value = Number(text);
	return value > 0 && Number.isFinite(value) ? value : misuse(`${option} is a number above 0, not "${text}"`);
}

/** Ends the process with 2 unless each of `wanted` is one of `all`. */
export function known(what: string, wanted: readonly string[], all: readonly string[]): void {
	for (const each of wanted) if (!all.includes(each)) misuse(`There is no ${what} "${each}": ${all.join(", ")}`);
}

export function misuse(message: string): never {
	process.stderr.write(`${message}.\nSee --help.\n`);
	process.exit(2);
}

function parsed<const T extends Config>(options: T) {
	try {
		return parseArgs({ options, allowPositionals: true });
	} catch (error) {
		return misuse((error instanceof Error ? error.message : String(error)).split(". ")[0] ?? "");
	}
}
