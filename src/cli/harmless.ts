import { printable } from "../base/text.ts";

/**
 * For text of the daemon, which has made it printable already: done again it changes nothing, and what slipped through
 * there does not reach a terminal here.
 */
export function harmless(text: string): string {
	return printable(text).replaceAll("\\\\", "\\");
}

/** The same for JSON, which stays JSON: JSON.stringify leaves C1 controls and bidirectional characters as they are. */
export function harmlessJson(json: string): string {
	return json.replace(HARMFUL, (character) =>
		[...Array(character.length).keys()]
			.map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
			.join(""),
	);
}

/* Line ends stand between lines; all else that is harmful can only be inside of strings. */
const HARMFUL = /(?![\n\t])\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Co}|\p{Cn}/gu;
