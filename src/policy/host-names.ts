/** Names of connections, and their match with domain patterns. docs/deciding.md, "Domains" and "tls". */
import { NAME_LENGTH_MAX } from "./domain.ts";

/**
 * The name in a ClientHello or a request, in lower case without its trailing dot. Null: it is an address, or cannot be
 * read (isUnreadName()).
 */
export function readHostName(sent: string): string | null {
	if (sent === "" || isUnreadName(sent) || isAddressName(sent)) return null;
	return withoutDot(sent).toLowerCase();
}

/**
 * Whether servers may take the text for different names: it has bytes other than letters, digits, "-", "_" and ".",
 * around which a server may cut, is longer than NAME_LENGTH_MAX, or has an empty label or one over 63 bytes (RFC 1035
 * 2.3.4). An IPv6 address in brackets is read as such.
 */
export function isUnreadName(sent: string): boolean {
	if (sent === "" || sent.startsWith("[")) return false;
	const name = withoutDot(sent);
	return (
		name.length > NAME_LENGTH_MAX ||
		!/^[A-Za-z0-9._-]*$/.test(name) ||
		name.split(".").some((label) => label === "" || label.length > 63)
	);
}

/** An address in brackets, or a name that ends in a number (WHATWG URL; RFC 6066 3 forbids addresses in SNI). */
function isAddressName(sent: string): boolean {
	return sent.startsWith("[") || /(?:^|\.)[0-9]+$/.test(withoutDot(sent));
}

function withoutDot(name: string): string {
	return name.endsWith(".") ? name.slice(0, -1) : name;
}

/**
 * The name of a DNS question, in lower case without its trailing dot. Null: the root, or an impossible name. Any byte
 * is allowed (RFC 2181 11), so that the pattern of a domain also covers data encoded in labels. The kernel writes a dot
 * inside a label as "\\".
 */
export function readQuestionName(sent: string): string | null {
	const name = withoutDot(sent);
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
