/** The arguments of the commands for developers: `--help` says what there is, and what cannot be read is said before anything begins. */
import { type ParseArgsConfig, parseArgs } from "node:util";

type Config = NonNullable<ParseArgsConfig["options"]>;
const HELP = { help: { type: "boolean", short: "h", default: false } } as const;

/** Ends the process: with 0 after `--help`, with 2 if an argument is unknown, lacks its value, or is one of more than `most` without a dash. */
export function readOptions<const T extends Config>(usage: string, options: T, most = 0) {
	const { values, positionals } = parsed({ ...options, ...HELP });
	helpIf("help" in values && values.help === true, usage);
	if (positionals.length > most) misuse(`"${positionals[most]}" is one argument too many`);
	return { values, positionals };
}

function parsed<const T extends Config>(options: T) {
	try {
		return parseArgs({ options, allowPositionals: true });
	} catch (error) {
		return misuse((error instanceof Error ? error.message : String(error)).split(". ")[0] ?? "");
	}
}

export function helpIf(wanted: boolean, usage: string): void {
	if (!wanted) return;
	process.stdout.write(`${usage.trim()}\n`);
	process.exit(0);
}

/** A number above 0. */
export function amount(option: string, text: string): number {
	const value = Number(text);
	return value > 0 && Number.isFinite(value) ? value : misuse(`${option} is a number above 0, not "${text}"`);
}

/** Each of them is one of those that there are. */
export function known(what: string, wanted: readonly string[], all: readonly string[]): void {
	for (const each of wanted) if (!all.includes(each)) misuse(`There is no ${what} "${each}": ${all.join(", ")}`);
}

export function misuse(what: string): never {
	process.stderr.write(`${what}.\nWhat there is: --help.\n`);
	process.exit(2);
}
