/** List files: one entry in a line, "#" begins a comment, blanks around an entry are ignored. */
import { parsePattern } from "../domain.ts";

/**
 * Calls `take` for each entry with its bytes [from, to), and its line and column (from 1; columns in bytes). Accepts
 * LF, CRLF and a byte order mark.
 */
export function eachEntry(
	bytes: Uint8Array,
	take: (from: number, to: number, line: number, column: number) => void,
): void {
	let line = 1;
	let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
	const size = bytes.length;
	while (at < size) {
		const lineStart = at;
		while (at < size && isBlank(bytes[at]!)) at++;
		const from = at;
		while (at < size && bytes[at]! > HASH) at++; // "#" and all bytes below it end an entry or a word
		let to = at;
		while (at < size && bytes[at] !== NEWLINE && bytes[at] !== HASH) {
			if (!isBlank(bytes[at]!)) to = at + 1;
			at++;
		}
		if (to > from) take(from, to, line, from - lineStart + 1);
		while (at < size && bytes[at] !== NEWLINE) at++;
		at++;
		line++;
	}
}

/** The patterns of a list file, normalised. Invalid entries are reported and skipped. */
export function readNameList(
	bytes: Uint8Array,
	report: (line: number, column: number, message: string, suggestion: string | undefined) => void,
): string[] {
	const names: string[] = [];
	const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	eachEntry(bytes, (from, to, line, column) => {
		const text = buffer.toString("utf8", from, to);
		const result = parsePattern(text);
		if ("pattern" in result) names.push(result.pattern);
		else report(line, column, `"${text}" ${result.wrong}`, result.suggestion);
	});
	return names;
}

const NEWLINE = 0x0a;
const HASH = 0x23;

function isBlank(byte: number): boolean {
	return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}
