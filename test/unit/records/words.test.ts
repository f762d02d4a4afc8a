/** Every interface with filters accepts every filter word of the table. */
import { expect, test } from "vitest";
import {
	filterParameters,
	namesParameters,
	streamParameters,
	topParameters,
} from "../../../src/api/schemas/parameters.ts";
import { CliCommand } from "../../../src/cli/cli-command.ts";
import { addFilters, filterQuery } from "../../../src/cli/filters.ts";
import { buildProgram } from "../../../src/cli/program.ts";
import { LIST_WORD_NAMES, LIST_WORDS, negated, SINGLE_WORD_NAMES } from "../../../src/records/filter-words.ts";
import { Terminal } from "../cli/terminal.ts";

const ALL = [
	...["since", "until"],
	...LIST_WORD_NAMES.flatMap((word) => [word, negated(word)]),
	...SINGLE_WORD_NAMES,
].sort();
const LIVE = ALL.filter((word) => word !== "until");

test("the API's parameters", () => {
	expect(Object.keys(filterParameters).sort()).toEqual(ALL);
	expect(Object.keys(topParameters.properties)).toEqual(expect.arrayContaining(ALL));
	expect(Object.keys(streamParameters.properties).sort()).toEqual(LIVE);
	expect(Object.keys(namesParameters.properties)).toEqual(expect.arrayContaining(["name", "not-name", "since"]));
});

test.for([
	["connections", ALL],
	["top", ALL],
	["stream", LIVE],
] as const)("the options of %s", ([name, words]) => {
	const command = buildProgram(new Terminal(), () => {}).commands.find((each) => each.name() === name);
	const options = command?.options.map(({ long }) => long?.slice(2)) ?? [];
	expect(options).toEqual(expect.arrayContaining([...words]));
	expect(options.includes("until")).toBe(words.includes("until"));
});

test("an option becomes the parameter of its name, once for each value", () => {
	const values = (word: keyof typeof LIST_WORDS): readonly string[] => {
		const { choices }: { readonly choices?: readonly string[] } = LIST_WORDS[word];
		return choices ?? (word === "address" ? ["10.0.0.1", "::1"] : ["1", "2"]);
	};
	const command = addFilters(new CliCommand("filters"));
	for (const word of LIST_WORD_NAMES) {
		for (const parameter of [word, negated(word)]) {
			const args = values(word).flatMap((value) => [`--${parameter}`, value]);
			command.parse(args, { from: "user" });
			expect(filterQuery(command.opts()).getAll(parameter), parameter).toEqual(values(word));
		}
	}
	command.parse(["--open", "--kind", "dns", "--since", "2h"], { from: "user" });
	expect(filterQuery(command.opts()).toString()).toBe("since=2h&kind=dns&open=true");
});
