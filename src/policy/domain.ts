/** Domain patterns of a policy. Their meaning: docs/deciding.md, "Domains". */
import { domainToASCII } from "node:url";
import { LABELS_MAX } from "../native/layout.ts";

/** 255 octets (RFC 1035 2.3.4) without the first length and the root label. */
export const NAME_LENGTH_MAX = 253;
/** The word for "*" in the hash of a shape. */
export const SHAPE_STAR = 0x2a;

/** `wrong` continues a sentence that begins with the text. */
export type PatternResult =
	| { readonly pattern: string }
	| { readonly wrong: string; readonly suggestion?: string | undefined };

/** Number of labels and positions of the stars: SP_SHAPE() of bpf/wire/policy.h. */
export interface Shape {
	/** Not counting a "**" in front. */
	readonly labels: number;
	/** Bit i: label i, counted from the right, is "*". */
	readonly mask: number;
	/** 1: "**" stands in front. */
	readonly many: 0 | 1;
}

/** Checks a pattern and converts it to lower case and punycode, without a trailing dot. */
export function parsePattern(text: string): PatternResult {
	if (PLAIN.test(text)) return checked(text);
	const bare = text.endsWith(".") ? text.slice(0, -1) : text;
	const ascii = isAscii(bare) ? bare.toLowerCase() : domainToASCII(bare);
	if (ascii !== "" && PLAIN.test(ascii)) return checked(ascii);
	return explain(bare);
}

/** @param pattern as parsePattern() returns it */
export function patternShape(pattern: string): Shape {
	const many = pattern.startsWith("**") ? 1 : 0;
	let labels = many === 1 ? 0 : 1;
	let mask = 0;
	for (let i = pattern.length - 1; i >= 0; i--) {
		const code = pattern.charCodeAt(i);
		if (code === DOT) labels++;
		else if (code === STAR && !(many === 1 && i < 2)) mask |= 1 << starLabel(pattern, i);
	}
	return { labels, mask, many };
}

const DOT = 0x2e;
const STAR = 0x2a;
const LABEL = "[a-z0-9_-]{1,63}";
const PLAIN = new RegExp(`^(?:\\*\\*|\\*|${LABEL})(?:\\.(?:\\*|${LABEL}))*$`);

/** Number of the label at an index, counted from the right. */
function starLabel(pattern: string, index: number): number {
	let dots = 0;
	for (let i = index; i < pattern.length; i++) if (pattern.charCodeAt(i) === DOT) dots++;
	return dots;
}

/** Checks the limits of a well-formed pattern. */
function checked(pattern: string): PatternResult {
	if (pattern.length > NAME_LENGTH_MAX) return { wrong: `is longer than ${NAME_LENGTH_MAX} characters` };
	if (ALL_DIGITS_LAST.test(pattern))
		return { wrong: 'ends in a number, so it is not a domain; write addresses under "cidr"' };
	if (pattern.length >= 2 * LABELS_MAX && patternShape(pattern).labels > LABELS_MAX) {
		return { wrong: `has more than ${LABELS_MAX} labels` };
	}
	return { pattern };
}

const ALL_DIGITS_LAST = /(?:^|\.)[0-9]+$/;

function explain(text: string): PatternResult {
	if (text === "") return { wrong: "is empty" };
	const url = /^[a-z][a-z0-9+.-]*:\/\/([^/:?#]+)/i.exec(text);
	if (url) return { wrong: "is a URL, not a domain", suggestion: url[1] };
	const address = addressAndPort(text);
	if (address !== null) return { wrong: address };
	const port = /^([^:]+):([0-9]+)$/.exec(text);
	if (port) return { wrong: `has a port; write the port under "ports"`, suggestion: port[1] };
	if (text.includes("/")) return { wrong: 'has a "/"; a domain has no path, and addresses go under "cidr"' };
	if (/(?:^|\.)\.|^\./.test(text)) {
		const leading = /^\.+(.+)$/.exec(text);
		return { wrong: "has an empty label", suggestion: leading ? `**.${leading[1]}` : undefined };
	}
	if (/.\*\*/.test(text)) return { wrong: 'has a "**" that is not the whole first label' };
	if (text.includes("*")) {
		const glued = /^(\*{1,2})([^.*]\S*)$/.exec(text);
		return {
			wrong: 'has a "*" that is only part of a label',
			suggestion: glued ? `${glued[1]}.${glued[2]}` : undefined,
		};
	}
	if (text.split(".").some((label) => label.length > 63)) return { wrong: "has a label longer than 63 characters" };
	return { wrong: "is not a domain name" };
}

/** Continues a sentence that begins with the text, if that is an address with a port, such as "[::1]:443"; null if it is not. */
export function addressAndPort(text: string): string | null {
	const found = /^(?:([0-9.]+)|\[([0-9a-f:.]+)\]):([0-9]+)$/i.exec(text);
	if (found === null) return null;
	const [, v4, v6, port] = found;
	return `is an address and a port; write "cidr: ${v4 ?? `'${v6}'`}" and "ports: ${port}"`;
}

function isAscii(text: string): boolean {
	for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
	return true;
}
