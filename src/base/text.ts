/**
 * Makes text from untrusted programs (names, arguments, comm, paths) safe for a terminal, a log or a file. Characters that move the cursor,
 * reorder a line or are invisible, and the replacement of invalid UTF-8, become \xNN or \u{NNNN}.
 */
export function printable(text: string): string {
	if (!HARMFUL_ONCE.test(text)) return text;
	return text.replace(HARMFUL, visible);
}

/** Pads or cuts printable text to `width` columns. A cut text ends with an ellipsis. */
export function fit(text: string, width: number): string {
	if (text.length <= width) return text.padEnd(width);
	if (width <= 1) return text.slice(0, width);
	return `${text.slice(0, width - 1)}…`;
}

/* Control, format (bidirectional, zero width, BOM, tags), line and paragraph separators, surrogates, private use, unassigned. Also the
 * backslash, so that an escape cannot be forged. */
const HARMFUL =
	/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}|\p{Co}|\p{Cn}|\u115f|\u1160|\u3164|\uffa0|[\ufe00-\ufe0f]|\u034f|\\/gu;
const HARMFUL_ONCE = new RegExp(HARMFUL.source, "u");

function visible(character: string): string {
	if (character === "\\") return "\\\\";
	const code = character.codePointAt(0) ?? 0;
	return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
