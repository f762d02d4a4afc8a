import type { Unwritten } from "../records/contract.ts";
import type { Output } from "./deps.ts";
import { harmless } from "./harmless.ts";
import { timeText } from "./words.ts";

/** In words, for whoever takes the answer for all there is; null: nothing is amiss. */
export function unwrittenText(unwritten: Unwritten | null | undefined): string | null {
	if (unwritten === null || unwritten === undefined) return null;
	const since = timeText(unwritten.since);
	return `history is not written since ${since}: ${harmless(unwritten.why)}. What happened since is shown as far as memory has it.`;
}

export function warnUnwritten(err: Output, unwritten: Unwritten | null | undefined): void {
	const text = unwrittenText(unwritten);
	if (text !== null) err.write(`sallyport: ${text}\n`);
}
