/** Conditions on an HTTP request. docs/deciding.md, "http" and "Paths". */
import { PATH_MAX } from "../../native/layout.ts";
import type { Rule } from "../model.ts";

/** An HTTP request as sent. */
export interface HttpRequest {
	readonly method: string;
	/** With the query. */
	readonly path: string;
	/** Status of the response; null: not known yet. */
	readonly status: number | null;
}

/** Whether the status matches. An unknown one does not. */
export function matchesStatus({ to }: Rule, request: HttpRequest | null): boolean {
	const status = request?.status ?? null;
	return to.status === null || (status !== null && to.status.some(({ low, high }) => low <= status && status <= high));
}

/** Whether method and status match. An unknown value matches no condition. */
export function matchesRequest(rule: Rule, request: HttpRequest | null): boolean {
	const { method } = rule.to;
	return (method === null || method.includes(request?.method ?? "")) && matchesStatus(rule, request);
}

/**
 * Whether the path matches. A path that servers may interpret differently matches no allow rule, and every deny or
 * alert rule.
 */
export function matchesPath({ action, to }: Rule, request: HttpRequest | null): boolean {
	if (to.path === null) return true;
	if (request === null) return false;
	const { path, query, unclear, cut } = readPath(request.path);
	return to.path.some((pattern) => {
		const withQuery = pattern.includes("?");
		if (unclear || (withQuery && cut)) return action !== "allow";
		return pathCovers(pattern, withQuery ? path + query : path);
	});
}

/** A path after decoding. */
interface ReadPath {
	readonly path: string;
	/** From the "?" on; "" if there is none. */
	readonly query: string;
	/** Servers may interpret the path differently. */
	readonly unclear: boolean;
	/** Longer than PATH_MAX bytes, which is all that the kernel keeps. */
	readonly cut: boolean;
}

/** Splits a path and decodes unreserved characters (RFC 3986 6.2.2). */
export function readPath(sent: string): ReadPath {
	const cut = sent.length > PATH_MAX;
	const kept = sent.slice(0, PATH_MAX);
	const mark = kept.indexOf("?");
	const raw = mark < 0 ? kept : kept.slice(0, mark);
	const path = decode(raw);
	const segments = path.split("/").slice(1);
	return {
		path: path.replace(/\/{2,}/g, "/"),
		query: mark < 0 ? "" : decode(kept.slice(mark)),
		unclear:
			(cut && mark < 0) ||
			!/^[\x21-\x7e]*$/.test(raw) ||
			raw.includes("\\") ||
			raw.replace(ENCODED, "").includes("%") ||
			(raw.match(ENCODED) ?? []).some((encoded) => AMBIGUOUS.test(encoded)) ||
			segments.some((segment) => /^\.{1,2}(?:;|$)/.test(segment)),
		cut,
	};
}

const ENCODED = /%[0-9a-fA-F]{2}/g;
/** Encoded slash, backslash and control characters. */
const AMBIGUOUS = /^%(?:2F|5C|[01].|7F)$/i;

/** @param path as readPath() returns it */
export function pathCovers(pattern: string, path: string): boolean {
	const source = pattern
		.split(/(\*{1,2})/)
		.map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
		.join("");
	return new RegExp(`^${source}$`, "s").test(path);
}

/** Decodes in one pass, so that "%2541" does not become "A". */
function decode(text: string): string {
	return text.replace(ENCODED, (encoded) => {
		const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
		return /[A-Za-z0-9._~-]/.test(character) ? character : encoded.toUpperCase();
	});
}
