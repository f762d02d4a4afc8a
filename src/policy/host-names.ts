/** Names of connections against patterns of rules. docs/deciding.md, "Domains" and "tls". */
import { NAME_LENGTH_MAX } from "./domain.ts";

/**
 * A name as sent, in lower case without its trailing dot, or null if it is no name: bytes outside printable ASCII (0x21 to
 * 0x7e), longer than 253 bytes, with a label that is empty or longer than 63 bytes (RFC 1035 2.3.4), or with a last label
 * of digits only.
 */
export function readHostName(sent: string): string | null {
	const name = sent.endsWith(".") ? sent.slice(0, -1) : sent;
	if (name.length > NAME_LENGTH_MAX || !/^[\x21-\x7e]*$/.test(name)) return null;
	const labels = name.split(".");
	if (labels.some((label) => label === "" || label.length > 63) || /^[0-9]+$/.test(labels.at(-1)!)) return null;
	return name.toLowerCase();
}

/** The name of an HTTP request: letters, digits, "-", "_" and dots alone, since a server may take a part of others for the name. */
export function readRequestName(sent: string): string | null {
	return /^[A-Za-z0-9._-]*$/.test(sent) ? readHostName(sent) : null;
}

/**
 * The name of a DNS question, in lower case without its trailing dot, or null if it is the root or cannot be one. Unlike host names it
 * may have any bytes (RFC 2181 11), so that data in labels is covered by the pattern of its domain; a dot inside a label is written
 * "\\", as the kernel does.
 */
export function readQuestionName(sent: string): string | null {
	const name = sent.endsWith(".") ? sent.slice(0, -1) : sent;
	if (name.length > NAME_LENGTH_MAX) return null;
	if (name.split(".").some((label) => label === "" || label.length > 63)) return null;
	return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Whether one of the patterns covers a name (lower case, no trailing dot). */
export function covers(lists: readonly (readonly string[])[], name: string): boolean {
	return lists.some((patterns) => patterns.some((pattern) => patternCovers(pattern, name)));
}

/** "*" is one whole label, "**" in front one or more. */
export function patternCovers(pattern: string, name: string): boolean {
	if (name === "") return false;
	const wanted = pattern.split(".");
	const labels = name.split(".");
	if (wanted[0] === "**") {
		wanted.shift();
		if (labels.length <= wanted.length) return false;
		labels.splice(0, labels.length - wanted.length);
	}
	return labels.length === wanted.length && wanted.every((label, i) => label === "*" || label === labels[i]);
}
