/** Path patterns of a policy. Their meaning: docs/deciding.md, "Paths". */
import { PATH_MAX } from "../native/layout.ts";

/** `wrong` continues a sentence that begins with the text. */
export type PathResult = { readonly pattern: string } | { readonly wrong: string; readonly suggestion?: string };

/**
 * Checks a pattern and normalises it: slashes and stars collapsed, percent-encoding as in a request that was read. "*"
 * is any run of characters without "/", "**" any run.
 */
export function parsePathPattern(text: string): PathResult {
	const wrong = whyNoPath(text);
	if (wrong !== null) return wrong;
	const [path = "", ...query] = encode(text).split("?");
	const collapsed = path.replace(/\/{2,}/g, "/");
	const pattern = [collapsed, ...query].join("?").replace(/\*{2,}/g, "**");
	if (pattern.length > PATH_MAX) return { wrong: `is longer than ${PATH_MAX} characters` };
	if (/(?:^|\/)\.{1,2}(?:[/;]|$)/.test(collapsed))
		return { wrong: 'has a segment "." or ".."; write the path without it' };
	if (/%(?:2F|5C|[01][0-9A-F]|7F)/.test(collapsed))
		return { wrong: "has an encoded slash, backslash or control character, which servers interpret differently" };
	return { pattern };
}

/**
 * The characters of a pattern, each with the star in front of it. The last entry is the star at the end, with an empty
 * character.
 */
export function partsOf(pattern: string): readonly { readonly star: "" | "*" | "**"; readonly character: string }[] {
	const parts: { star: "" | "*" | "**"; character: string }[] = [];
	for (const [, star = "", character = ""] of pattern.matchAll(/(\*{0,2})([^*]|$)/g)) {
		parts.push({ star: star as "" | "*" | "**", character });
		if (character === "") break;
	}
	return parts;
}

function whyNoPath(text: string): { readonly wrong: string; readonly suggestion?: string } | null {
	if (text === "") return { wrong: "is empty" };
	const url = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*([/?][^#]*)?/i.exec(text);
	if (url) return { wrong: 'is a URL, not a path; put its host name under "domain"', suggestion: url[1] ?? "/" };
	if (text.includes("#")) {
		return { wrong: 'has a "#"; a fragment is never sent', suggestion: text.slice(0, text.indexOf("#")) || "/" };
	}
	// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression looks for control characters
	if (/[\x00-\x20\x7f]/.test(text)) return { wrong: "has a space or a control character", suggestion: encodeURI(text) };
	if (text.includes("\\")) return { wrong: 'has a "\\"', suggestion: text.replaceAll("\\", "/") };
	if (/%(?![0-9a-fA-F]{2})/.test(text)) return { wrong: 'has a "%" without two hex digits; write %25' };
	if (!/^[/*]/.test(text)) return { wrong: 'does not begin with "/"', suggestion: `/${text}` };
	return null;
}

/** RFC 3986 6.2.2: unreserved characters are not encoded, and hex digits are upper case. */
function encode(text: string): string {
	return text
		.replace(/[^\x21-\x7e]+/gu, (text) => encodeURI(text))
		.replace(/%[0-9a-fA-F]{2}/g, (encoded) => {
			const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
			return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase();
		});
}
