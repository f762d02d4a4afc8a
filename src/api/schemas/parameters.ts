import { TIME_FORMS } from "../../base/times.ts";
import {
	LIST_WORD_NAMES,
	LIST_WORDS,
	type ListWord,
	negated,
	SINGLE_WORDS,
	TIME_WORDS,
} from "../../records/filter-words.ts";
import { text } from "./base.ts";

export const limitParameter = {
	type: "integer",
	minimum: 1,
	maximum: 1_000_000,
	default: 100,
	description: "The number of records to return. A page holds at most 1,000; `next` continues.",
} as const;

const cursorParameter = {
	...text,
	maxLength: 4_096,
	description: "`next` of the previous page. The filters have to be the same.",
};

/** Values of one filter word in one query. */
const VALUES_MAX = 100;

const timeParameter = (help: string) => ({
	type: "string",
	maxLength: 64,
	description: `${sentence(help)} It is ${TIME_FORMS}.`,
});

/** The values of a list word, given by repeating the parameter. */
function listParameter(word: ListWord, description: string) {
	const row: { readonly choices?: readonly string[] } = LIST_WORDS[word];
	const items = row.choices === undefined ? { type: "string", maxLength: 512 } : { type: "string", enum: row.choices };
	return { type: "array", items, maxItems: VALUES_MAX, description };
}

function positive(word: ListWord) {
	return listParameter(
		word,
		`${sentence(LIST_WORDS[word].help)} Repeat the parameter to select any of several values.`,
	);
}

function negative(word: ListWord) {
	return listParameter(word, `Select records with none of these values. See \`${word}\`.`);
}

const nameParameters = { name: positive("name"), [negated("name")]: negative("name") };

/** Made from the table of filter words. */
export const filterParameters: Readonly<Record<string, object>> = {
	since: timeParameter(TIME_WORDS.since.help),
	until: timeParameter(TIME_WORDS.until.help),
	kind: { type: "string", enum: SINGLE_WORDS.kind.choices, description: sentence(SINGLE_WORDS.kind.help) },
	open: { type: "boolean", description: sentence(SINGLE_WORDS.open.help) },
	...Object.fromEntries(
		LIST_WORD_NAMES.flatMap((word) => [
			[word, positive(word)],
			[negated(word), negative(word)],
		]),
	),
};

export const listParameters = {
	type: "object",
	additionalProperties: false,
	properties: {
		...filterParameters,
		sort: {
			type: "string",
			enum: ["-first", "first", "-last", "-bytesOut", "-bytesIn"],
			default: "-first",
			description: "By time of the beginning, by time of the last activity, or by bytes. `-`: descending.",
		},
		limit: limitParameter,
		cursor: cursorParameter,
		from: {
			type: "string",
			enum: ["history", "memory", "both"],
			description: "The source to read. Default: history, and both while the history cannot be written.",
		},
	},
} as const;

export const topParameters = {
	type: "object",
	additionalProperties: false,
	properties: {
		...filterParameters,
		since: timeParameter("began at or after this time"),
		by: {
			...text,
			default: "name",
			description: `One or two of ${LIST_WORD_NAMES.join(", ")}, separated by a comma.`,
		},
		sort: {
			type: "string",
			enum: ["count", "denied", "wouldDeny", "bytesOut", "bytesIn", "last"],
			default: "count",
		},
		limit: { type: "integer", minimum: 1, maximum: 1_000, default: 20 },
	},
} as const;

export const namesParameters = {
	type: "object",
	additionalProperties: false,
	properties: {
		...nameParameters,
		since: timeParameter("seen at or after this time"),
		limit: limitParameter,
		cursor: cursorParameter,
	},
} as const;

const { until: _, ...live } = filterParameters;

export const streamParameters = {
	type: "object",
	additionalProperties: false,
	properties: {
		...live,
		since: timeParameter("begin with the records of history that were active at or after this time"),
	},
} as const;

function sentence(phrase: string): string {
	return `${phrase.slice(0, 1).toUpperCase()}${phrase.slice(1)}.`;
}
