/**
 * The one way in which bytes that others chose (names, arguments, comm, paths) reach a screen, a log or a file:
 * control and escape characters, line separators, bidirectional controls, invisible characters and the
 * replacement of broken UTF-8 become \xNN or \u{NNNN}, so that none of them moves a cursor or reorders a line.
 */
export function printable(text: string): string {
	if (!HARMFUL_ONCE.test(text)) return text;
	return text.replace(HARMFUL, visible);
}

/** At most `width` columns; what is cut is marked. Callers pass printable text. */
export function fit(text: string, width: number): string {
	if (text.length <= width) return text.padEnd(width);
	if (width <= 1) return text.slice(0, width);
	return `${text.slice(0, width - 1)}…`;
}

/* Cc, Cf (bidi controls, zero width, BOM, tags), Zl, Zp, surrogates, private use, unassigned; and the backslash, so that what is
 * escaped cannot be forged. */
const HARMFUL =
	/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}|\p{Co}|\p{Cn}|\u115f|\u1160|\u3164|\uffa0|[\ufe00-\ufe0f]|\u034f|\\/gu;
const HARMFUL_ONCE = new RegExp(HARMFUL.source, "u");

function visible(character: string): string {
	if (character === "\\") return "\\\\";
	const code = character.codePointAt(0) ?? 0;
	return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
