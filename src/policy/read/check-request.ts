/** The conditions under `to` that are of an HTTP request: method, path, status. */
import type { StatusRange } from "../model.ts";
import { METHOD_LENGTH_MAX, METHODS } from "../numbers.ts";
import { PATH_STATES_MAX, parsePathPattern } from "../path.ts";
import { didYouMean } from "./problem.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { itemsOf } from "./values.ts";

/** Methods are compared exactly (RFC 9110 9.1). */
export function checkMethods(value: unknown, path: Path, report: Report): string[] | null {
	return (
		itemsOf(value, path)?.flatMap(({ value: written, path: at }) => {
			const method = String(written);
			const upper = method.toUpperCase();
			if (method !== upper && METHODS.includes(upper)) {
				report.at(at, `"${method}" is no method; methods are compared exactly${didYouMean(upper)}`, upper, upper);
				return [];
			}
			if (TOKEN.test(method) && method.length <= METHOD_LENGTH_MAX) return [method];
			report.at(at, `"${method}" is no HTTP method`, `a method such as ${METHODS.slice(0, 3).join(", ")}`);
			return [];
		}) ?? null
	);
}

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

/** 403, "4xx", "500-599". */
export function checkStatuses(value: unknown, path: Path, report: Report): StatusRange[] | null {
	return (
		itemsOf(value, path)?.flatMap(({ value: written, path: at }) => {
			const text = String(written).toLowerCase();
			const group = /^([1-9])xx$/.exec(text);
			if (group) return [{ low: 100 * Number(group[1]), high: 100 * Number(group[1]) + 99 }];
			const range = /^([1-9][0-9]{2})(?:\s*-\s*([1-9][0-9]{2}))?$/.exec(text);
			if (range === null) {
				if (typeof written === "string" || (written >= 100 && written <= 999))
					report.at(at, `"${written}" is no status of an HTTP answer`, 'a status such as 403, "4xx" or "500-599"');
				return []; // the schema has said so of other numbers
			}
			const [low, high] = [Number(range[1]), Number(range[2] ?? range[1])];
			if (low <= high) return [{ low, high }];
			report.at(at, `the range ${low}-${high} runs backwards; write ${high}-${low}`, "low-high", `${high}-${low}`);
			return [];
		}) ?? null
	);
}

/** Call for every rule in turn; reports the path that is too much for the kernel's table. */
export class PathLimit {
	readonly #paths = new Set<string>();
	#states = 0;
	#told = false;

	add(paths: readonly string[] | null, path: Path, report: Report): void {
		for (const pattern of paths ?? []) {
			if (this.#paths.has(pattern)) continue;
			this.#paths.add(pattern);
			this.#states += pattern.replaceAll("*", "").length + 1;
			if (this.#states <= PATH_STATES_MAX || this.#told) continue;
			this.#told = true;
			const message = `"${pattern}" is too much: all paths together can have ${PATH_STATES_MAX} characters, and one more for each path`;
			report.at(path, message, `at most ${PATH_STATES_MAX} characters`);
		}
	}
}

/** RFC 9110 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
