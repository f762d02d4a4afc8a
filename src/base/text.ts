/**
 * Escapes text that untrusted programs chose (names, arguments, comm, paths) before it reaches a screen, a log or a
 * file. Control and escape characters, line separators, bidirectional controls and invisible characters become \xNN or
 * \u{NNNN}, so that none of them moves a cursor or reorders a line. Bytes that were not UTF-8 are U+FFFD already and
 * stay so.
 */
export function printable(text: string): string {
	if (!HARMFUL_ONCE.test(text)) return text;
	return text.replace(HARMFUL, visible);
}

/* Cc, Cf (bidi controls, zero width, BOM, tags), Zl, Zp, surrogates, private use, unassigned, invisible letters and
 * variation selectors; and the backslash, so that an escape sequence cannot be forged. */
const HARMFUL =
	/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}|\p{Co}|\p{Cn}|\u115f|\u1160|\u3164|\uffa0|[\ufe00-\ufe0f]|\u034f|\\/gu;
const HARMFUL_ONCE = new RegExp(HARMFUL.source, "u");

function visible(character: string): string {
	if (character === "\\") return "\\\\";
	const code = character.codePointAt(0) ?? 0;
	return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}

/** "1 rule", "2 rules". */
export function countText(count: number, one: string, many = `${one}s`): string {
	return `${count} ${count === 1 ? one : many}`;
}
