import { countText, printable } from "../base/text.ts";
import type { Unwritten } from "../records/contract.ts";
import type { Output } from "./deps.ts";

/**
 * Escapes text that came from the daemon. The daemon has escaped it already, and a second pass changes nothing. This one
 * protects the terminal from a text that the daemon missed.
 */
export function harmless(text: string): string {
	return printable(text).replaceAll("\\\\", "\\");
}

/** As `harmless`, for JSON, which stays JSON: JSON.stringify leaves C1 controls and bidirectional characters as they are. */
export function harmlessJson(json: string): string {
	return json.replace(HARMFUL, (character) =>
		[...Array(character.length).keys()]
			.map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
			.join(""),
	);
}

/* Line ends separate lines. Every other harmful character can only be inside a string. */
const HARMFUL = /(?![\n\t])\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Co}|\p{Cn}/gu;

/** One "title   text" line per field. Fields without text are left out. */
export function fields(lines: readonly (readonly [title: string, text: string])[]): string {
	return lines.map(([title, text]) => (text === "" ? "" : `${title.padEnd(12)} ${harmless(text)}\n`)).join("");
}

/** "31 connections and 6 DNS questions": DNS questions are records too, but not connections. */
export function recordCountText(connections: number, questions: number): string {
	const first = countText(connections, "connection");
	return questions === 0 ? first : `${first} and ${countText(questions, "DNS question")}`;
}

/** 999 B, 1.5 kB, 20 MB. */
export function bytesText(bytes: number): string {
	let value = bytes;
	for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
		if (value < 999.5 || unit === "TB")
			return `${value < 9.95 && unit !== "B" ? value.toFixed(1) : Math.round(value)} ${unit}`;
		value /= 1000;
	}
	return String(bytes);
}

/** Local time with the date: 2026-01-31 12:00:00. */
export function timeText(iso: string): string {
	const time = new Date(iso);
	return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clockText(time)}`;
}

/** 5 s ago, 3 min ago, 2 h ago; after a day the date. `now` is in ms since the epoch. */
export function agoText(iso: string, now: number): string {
	const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
	if (seconds < 60) return `${seconds} s ago`;
	if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
	if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
	return timeText(iso);
}

/** Local time of day: 12:00:00. */
export function clockText(time: Date): string {
	return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** A warning that an answer may be incomplete because history is not being written; null if it is complete. */
export function unwrittenText(unwritten: Unwritten | null | undefined): string | null {
	if (unwritten === null || unwritten === undefined) return null;
	const since = timeText(unwritten.since);
	return `history has not been written since ${since}: ${harmless(unwritten.why)}. Later records come from memory and may be incomplete.`;
}

export function warnUnwritten(err: Output, unwritten: Unwritten | null | undefined): void {
	const text = unwrittenText(unwritten);
	if (text !== null) err.write(`sallyport: ${text}\n`);
}

function two(value: number): string {
	return String(value).padStart(2, "0");
}
