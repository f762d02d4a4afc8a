/** Names of connections, and their match with domain patterns. docs/deciding.md, "Domains" and "tls". */
import { NAME_LENGTH_MAX } from "./domain.ts";

/**
 * The name of a TLS ClientHello, in lower case without its trailing dot. Null: it has bytes outside 0x21 to 0x7e, is
 * longer than NAME_LENGTH_MAX, has an empty label or one over 63 bytes (RFC 1035 2.3.4), or its last label has only
 * digits.
 */
export function readHostName(sent: string): string | null {
	const name = sent.endsWith(".") ? sent.slice(0, -1) : sent;
	if (name.length > NAME_LENGTH_MAX || !/^[\x21-\x7e]*$/.test(name)) return null;
	const labels = name.split(".");
	if (labels.some((label) => label === "" || label.length > 63) || /^[0-9]+$/.test(labels.at(-1)!)) return null;
	return name.toLowerCase();
}

/**
 * The name of an HTTP request. Null as readHostName(), and for bytes other than letters, digits, "-", "_" and ".",
 * around which servers may cut.
 */
export function readRequestName(sent: string): string | null {
	return /^[A-Za-z0-9._-]*$/.test(sent) ? readHostName(sent) : null;
}

/**
 * The name of a DNS question, in lower case without its trailing dot. Null: the root, or an impossible name. Any byte
 * is allowed (RFC 2181 11), so that the pattern of a domain also covers data encoded in labels. The kernel writes a dot
 * inside a label as "\\".
 */
export function readQuestionName(sent: string): string | null {
	const name = sent.endsWith(".") ? sent.slice(0, -1) : sent;
	if (name.length > NAME_LENGTH_MAX) return null;
	if (name.split(".").some((label) => label === "" || label.length > 63)) return null;
	return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Whether a pattern covers a name in lower case without a trailing dot. */
export function covers(lists: readonly (readonly string[])[], name: string): boolean {
	return lists.some((patterns) => patterns.some((pattern) => patternCovers(pattern, name)));
}

/** "*" matches one label, "**" in front one or more. */
export function patternCovers(pattern: string, name: string): boolean {
	if (name === "") return false;
	const expected = pattern.split(".");
	const labels = name.split(".");
	if (expected[0] === "**") {
		expected.shift();
		if (labels.length <= expected.length) return false;
		labels.splice(0, labels.length - expected.length);
	}
	return labels.length === expected.length && expected.every((label, i) => label === "*" || label === labels[i]);
}
