/** How one filter word is described: filter-words.ts has the table of all. */
import type { AddressRange } from "../base/address.ts";
import type { Subjects } from "./filter-subject.ts";

export interface PortRange {
	readonly from: number;
	readonly to: number;
}

/** A value of a filter, checked. Plain data: it crosses to the reader's thread. */
export type TermValue = string | number | boolean | PortRange | AddressRange;

/** A column of table `connection` that a condition uses. */
export type OwnColumn = "kind" | "open" | "outcome" | "port" | "protocol" | "remote";

/** An SQL condition with its parameters; `column` is the column's name, qualified where the statement needs it. */
export interface ColumnCondition {
	readonly sql: (column: string) => string;
	readonly parameters: readonly (number | Uint8Array)[];
}

/** The text that options, parameters and error messages share. */
export interface WordText {
	/** The value's name in usage texts: "<port>". */
	readonly placeholder: string;
	/** A phrase for help and OpenAPI. */
	readonly help: string;
	/** The expected form of the value, for the message that refuses others. */
	readonly expected: string;
	/** All values, where they are few. */
	readonly choices?: readonly string[];
}

/** A word whose values are tested against one part of a record. */
export interface Word<K extends keyof Subjects = keyof Subjects> extends WordText {
	/** The dimension of the file (src/store/tables.ts) whose rows are tested, or "own": the connection's own columns. */
	readonly on: K;
	/** The checked value, or null if the text is not of the expected form. */
	readonly parse: (text: string) => TermValue | null;
	/** A test that holds if any of the values does. */
	readonly matcher: (values: readonly TermValue[]) => (subject: Subjects[K]) => boolean;
	/** The process id that a value names, if it may be one: the file keeps those apart from programs. */
	readonly pidOf?: (value: TermValue) => number | null;
}

/** A word that the file answers from a connection's own columns. */
export interface OwnWord extends Word<"own"> {
	readonly column: OwnColumn;
	/** An SQL condition that holds if any of the values does. */
	readonly condition: (values: readonly TermValue[]) => ColumnCondition;
}

export type AnyWord = Word<"name"> | Word<"workload"> | Word<"steps"> | OwnWord;

/** A word whose condition is a test of a row of the file's small tables. */
export function rowWord<K extends Exclude<keyof Subjects, "own">, V extends TermValue>(
	on: K,
	{ test, ...word }: Definition<V, Subjects[K]> & { readonly pidOf?: (value: V) => number | null },
): Word<K> {
	const { pidOf, ...text } = word;
	return {
		...text,
		on,
		matcher: anyOf(test),
		/* `parse` is the only source of values, so they are of type V. */
		...(pidOf === undefined ? {} : { pidOf: (value) => pidOf(value as V) }),
	};
}

/** A word whose condition is SQL over a column of table `connection`. */
export function ownWord<V extends TermValue>(
	column: OwnColumn,
	definition: Definition<V, Subjects["own"]> & {
		readonly sql: (value: V, column: string) => string;
		readonly parameters: (value: V) => readonly (number | Uint8Array)[];
	},
): OwnWord {
	const { test, sql, parameters, ...text } = definition;
	return {
		...text,
		on: "own",
		column,
		matcher: anyOf(test),
		condition: (values) => ({
			sql: (name) => `(${(values as readonly V[]).map((value) => sql(value, name)).join(" OR ")})`,
			parameters: (values as readonly V[]).flatMap(parameters),
		}),
	};
}

interface Definition<V, S> extends WordText {
	readonly parse: (text: string) => V | null;
	readonly test: (value: V) => (subject: S) => boolean;
}

function anyOf<V extends TermValue, S>(
	test: (value: V) => (subject: S) => boolean,
): (values: readonly TermValue[]) => (subject: S) => boolean {
	return (values) => {
		const tests = (values as readonly V[]).map(test);
		return (subject) => tests.some((each) => each(subject));
	};
}
