/** Conditions on an HTTP request, for the plain evaluator. docs/deciding.md, "http" and "Paths". */
import type { Rule } from "../model.ts";
import { PATH_LENGTH_MAX } from "../path.ts";

/** An HTTP request as sent. */
export interface Asked {
	readonly method: string;
	/** With the query. */
	readonly path: string;
	/** Of the answer; null: not known yet. */
	readonly status: number | null;
}

/** Method and status; what is not known matches no condition. */
export function holdsAsked({ to }: Rule, asked: Asked | null): boolean {
	if (to.method !== null && !to.method.includes(asked?.method ?? "")) return false;
	const status = asked?.status ?? null;
	return to.status === null || (status !== null && to.status.some(({ low, high }) => low <= status && status <= high));
}

/** Of a path that servers may read differently no allow holds, and every deny or alert does. */
export function holdsPath({ action, to }: Rule, asked: Asked | null): boolean {
	if (to.path === null) return true;
	if (asked === null) return false;
	const { path, query, unclear, cut } = readPath(asked.path);
	return to.path.some((pattern) => {
		const withQuery = pattern.includes("?");
		if (unclear || (withQuery && cut)) return action !== "allow";
		return pathCovers(pattern, withQuery ? path + query : path);
	});
}

interface ReadPath {
	readonly path: string;
	/** From its "?" on; "" if there is none. */
	readonly query: string;
	readonly unclear: boolean;
	/** The kernel keeps no more of it. */
	readonly cut: boolean;
}

export function readPath(sent: string): ReadPath {
	const cut = sent.length > PATH_LENGTH_MAX;
	const kept = sent.slice(0, PATH_LENGTH_MAX);
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
			(raw.match(ENCODED) ?? []).some((one) => DANGEROUS.test(one)) ||
			segments.some((segment) => /^\.{1,2}(?:;|$)/.test(segment)),
		cut,
	};
}

const ENCODED = /%[0-9a-fA-F]{2}/g;
/** Slash, backslash, control characters. */
const DANGEROUS = /^%(?:2F|5C|[01].|7F)$/i;

export function pathCovers(pattern: string, path: string): boolean {
	const source = pattern
		.split(/(\*{1,2})/)
		.map((part) => (part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")))
		.join("");
	return new RegExp(`^${source}$`, "s").test(path);
}

/** One pass: what a decoded character stands next to is not decoded again. */
function decode(text: string): string {
	return text.replace(ENCODED, (some) => {
		const character = String.fromCharCode(Number.parseInt(some.slice(1), 16));
		return /[A-Za-z0-9._~-]/.test(character) ? character : some.toUpperCase();
	});
}
