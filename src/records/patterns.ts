/** Patterns with `*`. One matcher serves the file, memory and the stream. */
import { printable } from "../base/text.ts";

/** A pattern of names, compiled. */
export interface NamePattern {
	/** `name` is in lower case without a dot at its end, as names are kept. */
	readonly matches: (name: string) => boolean;
	/** It matches every name. */
	readonly all: boolean;
	/** The only name that it matches, or null. */
	readonly exact: string | null;
	/** A prefix of the reversed form (`reversedName`) of each name that it matches; "" if none is known. */
	readonly reversedPrefix: string;
}

/**
 * `*` as a whole label is one label and `**.` in front one or more, as in policies. A `*` by itself, or as part of a label, is any
 * run of characters, dots included; so is `**` elsewhere. Case does not matter, nor does a dot at the end.
 */
export function namePattern(text: string): NamePattern {
	const pattern = normalName(text);
	const hasEscape = pattern.includes("\\");
	if (!pattern.includes("*") && !hasEscape)
		return { matches: (name) => name === pattern, all: false, exact: pattern, reversedPrefix: "" };
	const glob = asShown(pattern, globMatcher(nameTokens(pattern)));
	const all = /^\*+$/.test(pattern);
	return { matches: glob, all, exact: null, reversedPrefix: hasEscape ? "" : reversedPrefix(pattern) };
}

/** A name as records keep it: lower case, without the dot at the end. */
export function normalName(text: string): string {
	return text.toLowerCase().replace(/\.$/, "");
}

/** `*` is any run of characters, everything else stands for itself. */
export function textPattern(pattern: string): (text: string) => boolean {
	const matches = pattern.includes("*") ? globMatcher(textTokens(pattern)) : (text: string) => text === pattern;
	return asShown(pattern, matches);
}

/** "www.example.com" becomes "com.example.www.": names with a common end are neighbours in the order of the alphabet. */
export function reversedName(name: string): string {
	return `${name.split(".").reverse().join(".")}.`;
}

/* Output writes a backslash as two, and a control character as \xNN (src/base/text.ts). A pattern copied from there matches too. */
function asShown(pattern: string, matches: (text: string) => boolean): (text: string) => boolean {
	return pattern.includes("\\") ? (text) => matches(text) || matches(printable(text)) : matches;
}

/** A literal text, any run of characters, or one whole label. */
type Token = string | typeof RUN | typeof LABEL;
const RUN = Symbol("any run of characters");
const LABEL = Symbol("one label");

function nameTokens(pattern: string): Token[] {
	if (/^\*+$/.test(pattern)) return [RUN];
	return pattern.split(".").flatMap((label, index): Token[] => {
		const dot = index === 0 ? [] : ["."];
		if (label === "*") return [...dot, LABEL];
		if (label === "**" && index === 0) return [LABEL, RUN];
		return [...dot, ...textTokens(label)];
	});
}

function textTokens(pattern: string): Token[] {
	const [first = "", ...rest] = pattern.split(/\*+/);
	const tokens: Token[] = [first];
	for (const part of rest) tokens.push(RUN, part);
	return tokens.filter((token) => token !== "");
}

/**
 * Takes each literal and each label at the first place where it fits, and on a mismatch moves only what follows the last run. That
 * suffices because a later place never ends earlier: the time is at most the product of both lengths, without backtracking.
 */
function globMatcher(tokens: readonly Token[]): (text: string) => boolean {
	return (text) => {
		let token = 0;
		let at = 0;
		let afterRun = -1;
		let runEnd = 0;
		while (token < tokens.length || at < text.length) {
			const current = tokens[token];
			if (current === RUN) {
				token++;
				afterRun = token;
				runEnd = at;
				continue;
			}
			const end = current === undefined ? -1 : endOf(current, text, at);
			if (end >= 0) {
				token++;
				at = end;
				continue;
			}
			if (afterRun < 0 || runEnd >= text.length) return false;
			token = afterRun;
			runEnd++;
			at = runEnd;
		}
		return true;
	};
}

/** End of a literal or label that begins at `at`; -1: it does not match. */
function endOf(token: string | typeof LABEL, text: string, at: number): number {
	if (token !== LABEL) return text.startsWith(token, at) ? at + token.length : -1;
	const dot = text.indexOf(".", at);
	const end = dot < 0 ? text.length : dot;
	return end > at ? end : -1;
}

/* A star may stand for dots, but the labels behind the last star are literal. */
function reversedPrefix(pattern: string): string {
	const fromEnd = pattern.split(".").reverse();
	const star = fromEnd.findIndex((label) => label.includes("*"));
	return star === 0 ? "" : `${fromEnd.slice(0, star).join(".")}.`;
}
