import type { Connection } from "./connection.ts";
import { LiveSubject, type Subjects } from "./filter-subject.ts";
import type { TermValue, Word } from "./filter-word.ts";
import {
	LIST_WORD_NAMES,
	type ListWord,
	type Negated,
	negated,
	SINGLE_WORD_NAMES,
	type SingleWord,
	TERM_WORDS,
	type TermWord,
} from "./filter-words.ts";
import { FilterError } from "./query-errors.ts";
import type { Describer } from "./view.ts";

/** Selection of a query: all conditions given must match. Its values are checked (`parseTerms`), and it is plain data. */
export interface ConnectionFilter {
	/** Wall clock [ms]: active at or after it. */
	readonly since?: number;
	/** Wall clock [ms]: began before it. */
	readonly until?: number;
	readonly terms?: readonly Term[];
}

/** One word with its values: any of them, or, negated, none of them. */
export interface Term {
	readonly word: TermWord;
	readonly negated: boolean;
	readonly values: readonly TermValue[];
}

/** Words with their values as text. */
export type TermTexts = Readonly<
	Partial<Record<ListWord | Negated<ListWord>, string | readonly string[]> & Record<SingleWord, string>>
>;

export type Predicate = (connection: Connection) => boolean;

/** Checks the values of a filter. Throws FilterError for one that is not of its word's form. */
export function parseTerms(texts: TermTexts): Term[] {
	const terms: Term[] = [];
	const add = (word: TermWord, isNegated: boolean, given: string | readonly string[] | undefined) => {
		if (given === undefined) return;
		const values = (typeof given === "string" ? [given] : given).map((text) => checkedValue(word, isNegated, text));
		if (values.length > 0) terms.push({ word, negated: isNegated, values });
	};
	for (const word of LIST_WORD_NAMES) {
		add(word, false, texts[word]);
		add(word, true, texts[negated(word)]);
	}
	for (const word of SINGLE_WORD_NAMES) add(word, false, texts[word]);
	return terms;
}

/** A test of records in memory. */
export function compileFilter({ since, until, terms = [] }: ConnectionFilter, describe: Describer): Predicate {
	const tests = terms.map(({ word, negated: isNegated, values }) => {
		/* LiveSubject is every kind of subject. */
		const matches: (subject: LiveSubject) => boolean = TERM_WORDS[word].matcher(values);
		return isNegated ? (subject: LiveSubject) => !matches(subject) : matches;
	});
	return (connection) => {
		if (since !== undefined && connection.ended && connection.last < since) return false;
		if (until !== undefined && connection.first >= until) return false;
		if (tests.length === 0) return true;
		const subject = new LiveSubject(connection, describe);
		return tests.every((test) => test(subject));
	};
}

/** The term's test of one kind of subject; null for a word that is tested on another. */
export function testOn<K extends keyof Subjects>(
	on: K,
	{ word, values }: Term,
): ((subject: Subjects[K]) => boolean) | null {
	const row: { readonly on: keyof Subjects } = TERM_WORDS[word];
	return isOn(on, row) ? row.matcher(values) : null;
}

function isOn<K extends keyof Subjects>(on: K, word: { readonly on: keyof Subjects }): word is Word<K> {
	return word.on === on;
}

function checkedValue(word: TermWord, isNegated: boolean, text: string): TermValue {
	const { parse, expected } = TERM_WORDS[word];
	const value = parse(text);
	if (value === null) throw new FilterError(isNegated ? negated(word) : word, text, expected);
	return value;
}
