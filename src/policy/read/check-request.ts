/** Checks the conditions under `to` that apply to HTTP requests: method, path, status. */

import { METHOD_MAX, PATH_STATES } from "../../native/layout.ts";
import type { StatusRange } from "../model.ts";
import { METHODS } from "../numbers.ts";
import { parsePathPattern } from "../path.ts";
import { didYouMean } from "./problem.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { itemsOf } from "./values.ts";

/** Methods are case-sensitive (RFC 9110 9.1). */
export function checkMethods(value: unknown, path: Path, report: Report): string[] | null {
	return (
		itemsOf(value, path)?.flatMap(({ value: written, path: at }) => {
			const method = String(written);
			const upper = method.toUpperCase();
			if (method !== upper && METHODS.includes(upper)) {
				report.at(at, `"${method}" is not a method, and methods are case-sensitive${didYouMean(upper)}`, upper, upper);
				return [];
			}
			if (TOKEN.test(method) && method.length <= METHOD_MAX) return [method];
			report.at(at, `"${method}" is not an HTTP method`, `a method such as ${METHODS.slice(0, 3).join(", ")}`);
			return [];
		}) ?? null
	);
}

/** Path patterns, normalised by parsePathPattern(). */
export function checkPaths(value: unknown, path: Path, report: Report): string[] | null {
	return (
		itemsOf(value, path)?.flatMap(({ value: written, path: at }) => {
			const result = parsePathPattern(String(written));
			if ("pattern" in result) return [result.pattern];
			const message = `"${written}" ${result.wrong}${didYouMean(result.suggestion)}`;
			report.at(at, message, 'a path such as "/v1/**"', result.suggestion);
			return [];
		}) ?? null
	);
}

/** Accepts 403, "4xx" and "500-599". */
export function checkStatuses(value: unknown, path: Path, report: Report): StatusRange[] | null {
	return (
		itemsOf(value, path)?.flatMap(({ value: written, path: at }) => {
			const text = String(written).toLowerCase();
			const group = /^([1-9])xx$/.exec(text);
			if (group) return [{ low: 100 * Number(group[1]), high: 100 * Number(group[1]) + 99 }];
			const range = /^([1-9][0-9]{2})(?:\s*-\s*([1-9][0-9]{2}))?$/.exec(text);
			if (range === null) {
				if (typeof written === "string" || (written >= 100 && written <= 999))
					report.at(
						at,
						`"${written}" is not the status of an HTTP response`,
						'a status such as 403, "4xx" or "500-599"',
					);
				return []; // The schema has reported other numbers.
			}
			const [low, high] = [Number(range[1]), Number(range[2] ?? range[1])];
			if (low <= high) return [{ low, high }];
			report.at(at, `the range ${low}-${high} is reversed; write ${high}-${low}`, "low-high", `${high}-${low}`);
			return [];
		}) ?? null
	);
}

/** Reports the first path that the kernel's automaton has no room for. Call add() for each rule in turn. */
export class PathLimit {
	readonly #paths = new Set<string>();
	#states = 0;
	#reported = false;

	add(paths: readonly string[] | null, path: Path, report: Report): void {
		for (const pattern of paths ?? []) {
			if (this.#paths.has(pattern)) continue;
			this.#paths.add(pattern);
			this.#states += pattern.replaceAll("*", "").length + 1;
			if (this.#states <= PATH_STATES || this.#reported) continue;
			this.#reported = true;
			const message = `"${pattern}" exceeds the limit: all paths together may have ${PATH_STATES} characters, counting one more for each path`;
			report.at(path, message, `at most ${PATH_STATES} characters`);
		}
	}
}

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
