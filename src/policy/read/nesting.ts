/**
 * The depth of a YAML text. The parser and the checks call themselves for each level, and would end with an error of the
 * stack that names neither cause nor place.
 */
import type { CST } from "yaml";

/** A policy has ten. */
export const MOST_LEVELS = 100;

/** The offset of the first part that is nested too deeply; null: there is none. */
export function tooDeep(documents: readonly CST.Token[]): number | null {
	const waiting = documents.map((token) => ({ token, level: 0 }));
	let first: number | null = null;
	for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
		const { token, level } = next;
		if (level > MOST_LEVELS) {
			first = Math.min(first ?? token.offset, token.offset);
			continue;
		}
		if (token.type === "document" && token.value !== undefined) waiting.push({ token: token.value, level });
		if (!("items" in token)) continue;
		for (const { key, value } of token.items) {
			if (key) waiting.push({ token: key, level: level + 1 });
			if (value) waiting.push({ token: value, level: level + 1 });
		}
	}
	return first;
}

/** Whether a value has too many levels, which aliases can add. */
export function isTooDeep(value: unknown): boolean {
	/* The deepest level at which each part was seen: an alias is the same object each time. */
	const seen = new Map<object, number>();
	const waiting = [{ value, level: 0 }];
	for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
		const { value: part, level } = next;
		if (typeof part !== "object" || part === null || (seen.get(part) ?? -1) >= level) continue;
		if (level > MOST_LEVELS) return true;
		seen.set(part, level);
		for (const each of Object.values(part)) waiting.push({ value: each, level: level + 1 });
	}
	return false;
}
