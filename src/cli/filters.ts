import { Option } from "commander";
import { SallyportError } from "../base/errors.ts";
import { instantOf } from "../base/times.ts";
import type { WordText } from "../records/filter-word.ts";
import {
	LIST_WORD_NAMES,
	LIST_WORDS,
	type ListWord,
	negated,
	SINGLE_WORDS,
	TIME_WORDS,
	type TimeWord,
} from "../records/filter-words.ts";
import type { CliCommand } from "./cli-command.ts";
import { invalid } from "./options.ts";

/**
 * Adds the filters of the API as options, made from the same table. `since`: its default in a command that sums up connections, where
 * it bounds their beginning. `live`: without `--until`, which a stream cannot have.
 */
export function addFilters(
	command: CliCommand,
	{ since, live = false }: { readonly since?: string; readonly live?: boolean } = {},
): CliCommand {
	command.addOption(
		since === undefined ? timeOption("since") : timeOption("since", since, "began at or after this time"),
	);
	if (!live) command.addOption(timeOption("until"));
	for (const word of LIST_WORD_NAMES) command.addOption(listOption(word)).addOption(listOption(word, "negated"));
	return command
		.choice("--kind <kind>", SINGLE_WORDS.kind.help, SINGLE_WORDS.kind.choices ?? [])
		.option("--open", "only open connections");
}

export type FilterOptions = Readonly<Record<string, unknown>>;

/** The options that were given, as a query of the API. `more`: other options that the query takes. */
export function filterQuery(options: FilterOptions, more: readonly string[] = []): URLSearchParams {
	const query = new URLSearchParams();
	for (const parameter of [...PARAMETERS, ...more]) {
		const value = options[attributeOf(parameter)];
		if (value === undefined) continue;
		for (const each of Array.isArray(value) ? value : [value])
			query.append(parameter, sentValue(parameter, String(each)));
	}
	return query;
}

/** An option for a bound in time. A time without a zone is in the zone of this terminal; `filterQuery` sends it as an instant. */
export function timeOption(word: TimeWord, preset?: string, help: string = TIME_WORDS[word].help): Option {
	const option = new Option(`--${word} <when>`, `${help}: 15m, 2h, 7d, or a time, local unless it has a zone`);
	option.argParser((value) => {
		if (instantOf(value) === null) throw invalid(value, `an age such as 15m or a time such as ${TIME_EXAMPLE}`);
		return value;
	});
	return preset === undefined ? option : option.default(preset);
}

const TIME_EXAMPLE = "2026-01-31, 2026-01-31T12:00 or 2026-01-31T12:00:00Z";

const PARAMETERS: readonly string[] = [
	...Object.keys(TIME_WORDS),
	...LIST_WORD_NAMES.flatMap((word) => [word, negated(word)]),
	...Object.keys(SINGLE_WORDS),
];

/** An option that may be repeated. Each value is checked as the daemon checks it. */
export function listOption(word: ListWord, negation?: "negated"): Option {
	const { placeholder, help, choices, expected, parse }: Word = LIST_WORDS[word];
	const option =
		negation === undefined
			? new Option(`--${word} ${placeholder}`, `${help} (repeatable)`)
			: new Option(`--${negated(word)} ${placeholder}`, `exclude this ${word} (repeatable)`);
	if (choices !== undefined) option.choices(choices);
	return option.argParser((value: string, previous: readonly string[] | undefined) => {
		if (value === "") throw new SallyportError("USAGE", `${option.long} must not be empty.`);
		if (parse(value) === null) throw invalid(value, expected);
		return [...(previous ?? []), value];
	});
}

interface Word extends WordText {
	readonly parse: (text: string) => unknown;
}

function sentValue(parameter: string, value: string): string {
	return parameter in TIME_WORDS ? (instantOf(value) ?? value) : value;
}

/** Commander's name for the value of an option: "not-name" becomes "notName". */
function attributeOf(parameter: string): string {
	return parameter.replace(/-./g, (dash) => dash.slice(1).toUpperCase());
}
