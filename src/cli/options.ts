import { resolve } from "node:path";
import { SallyportError } from "../base/errors.ts";
import { LIST_WORD_NAMES } from "../records/filter-words.ts";
import { harmless } from "./text.ts";

/** Options of the commands that read the pins and the state directory without a daemon. */
export interface HostOptions {
	readonly policy: string;
	readonly cgroup?: string;
	readonly pins: string;
	readonly runtimeDir: string;
	readonly stateDir: string;
	readonly json?: boolean;
}

/** "'abc' is not a port": the error of an option or argument with an invalid value. */
export function invalid(value: string, kind: string): SallyportError {
	return new SallyportError("USAGE", `'${harmless(value)}' is not ${kind}.`);
}

/** Parser for commander: accepts the values of a fixed set. Throws SallyportError USAGE. */
export function oneOf(words: readonly string[]): (value: string) => string {
	return (value) => {
		if (!words.includes(value)) throw invalid(value, `one of ${words.join(", ")}`);
		return value;
	};
}

/**
 * Parsers for commander. Each converts the text that a user typed to the daemon's value, and throws SallyportError USAGE if it
 * is invalid.
 */
export function absolutePath(value: string): string {
	return resolve(givenPath(value));
}

/** A path that is only read, and shown as it was given. */
export function givenPath(value: string): string {
	/* An empty path would mean the current directory. */
	if (value === "") throw new SallyportError("USAGE", "A path must not be empty.");
	return value;
}

export function positiveInteger(value: string): number {
	if (!/^\d{1,9}$/.test(value) || Number(value) === 0) throw invalid(value, "a whole number above 0");
	return Number(value);
}

export function wholeNumber(most: number): (value: string) => number {
	return (value) => {
		if (!/^\d{1,9}$/.test(value) || Number(value) > most) throw invalid(value, `a whole number from 0 to ${most}`);
		return Number(value);
	};
}

/** Fields that `top` can group by. */
export const TOP_FIELDS: readonly string[] = LIST_WORD_NAMES;

/** One or two different fields of `top`, separated by a comma. */
export function groupFields(value: string): readonly string[] {
	const fields = value.split(",");
	if (fields.length > 2 || new Set(fields).size !== fields.length || !fields.every((each) => TOP_FIELDS.includes(each)))
		throw invalid(value, `one or two of ${TOP_FIELDS.join(", ")}`);
	return fields;
}

export function recordId(value: string): number {
	if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value)))
		throw invalid(value, "a record id (the ID column of `sallyport connections`)");
	return Number(value);
}
