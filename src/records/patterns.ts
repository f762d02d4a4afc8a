/** Names as people ask for them. */

import { wildcard } from "./filter.ts";

export interface NamePattern {
	readonly matches: (name: string) => boolean;
	/** The only name that it matches, or null. */
	readonly exact: string | null;
	/** What the reversed name (dimensions.ts) of each match begins with; "" if nothing is known. */
	readonly reversedPrefix: string;
}

/**
 * "*" as a whole label is one label, "**" in front one or more, as in policies; "*" alone or within a label is any run of
 * characters. `pattern` is in lower case.
 */
export function namePattern(pattern: string): NamePattern {
	if (!pattern.includes("*")) return { matches: (name) => name === pattern, exact: pattern, reversedPrefix: "" };
	const labels = pattern.split(".");
	const many = labels[0] === "**";
	const rest = many ? labels.slice(1) : labels;
	const isPolicy = pattern !== "*" && rest.every((label) => label === "*" || (label !== "" && !label.includes("*")));
	if (!isPolicy) return { matches: wildcard(pattern), exact: null, reversedPrefix: globPrefix(labels) };
	const fromEnd = rest.toReversed();
	return {
		matches: (name) => {
			const own = name.split(".");
			if (many ? own.length <= rest.length : own.length !== rest.length) return false;
			const skip = own.length - rest.length;
			return rest.every((label, index) => label === "*" || label === own[skip + index]);
		},
		exact: null,
		reversedPrefix: literal(fromEnd),
	};
}

/** Labels from the end up to the first that is not literal. */
function literal(fromEnd: readonly string[]): string {
	const stop = fromEnd.findIndex((label) => label.includes("*"));
	const known = stop < 0 ? fromEnd : fromEnd.slice(0, stop);
	return known.length === 0 ? "" : reversed(known.toReversed().join("."));
}

/* In "*amazon*.com" the star may cover dots, but what stands behind the last one is literal. */
function globPrefix(labels: readonly string[]): string {
	return literal(labels.toReversed());
}

/** "www.example.com" to "com.example.www.", so that what ends alike stands together. */
export function reversed(name: string): string {
	return `${name.split(".").reverse().join(".")}.`;
}
