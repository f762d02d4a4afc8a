/** Checks the conditions under `to`: cidr, ports, protocol, domain. check-request.ts checks those of HTTP requests. */
import { PROTOCOL, SHAPES_MAX } from "../../native/layout.ts";
import { parsePattern, patternShape } from "../domain.ts";
import type { PortRange, PrefixSet, Rule } from "../model.ts";
import { PROTOCOLS, protocolName } from "../numbers.ts";
import { checkMethods, checkPaths, checkStatuses } from "./check-request.ts";
import type { Lists } from "./lists.ts";
import { PrefixBuilder } from "./prefixes.ts";
import { didYouMean, nearest } from "./problem.ts";
import type { Report } from "./report.ts";
import type { Path } from "./source.ts";
import { itemsOf, recordOf } from "./values.ts";

/** The conditions under `to`. Problems are reported, and the invalid values skipped. */
export function checkTo(value: unknown, path: Path, lists: Lists, report: Report): Rule["to"] {
	const to = recordOf(value);
	const ports = checkPorts(to["ports"], [...path, "ports"], report);
	const protocol = checkProtocols(to["protocol"], [...path, "protocol"], report);
	const portless =
		ports === null ? [] : (protocol ?? []).filter((number) => number !== PROTOCOL.tcp && number !== PROTOCOL.udp);
	for (const number of new Set(portless)) {
		const message = `"ports" cannot be combined with ${protocolName(number)}; only tcp and udp have ports`;
		report.at([...path, "ports"], message, "tcp or udp", undefined, "key");
	}
	const requests = ["method", "path", "status"].filter((key) => to[key] !== undefined);
	if (requests.length > 0 && protocol !== null && !protocol.includes(PROTOCOL.tcp)) {
		const message = `"${requests[0]}" can be combined only with tcp`;
		report.at([...path, "protocol"], message, "tcp", "tcp");
	}
	return {
		cidr: checkCidr(to["cidr"], [...path, "cidr"], lists, report),
		ports,
		protocol,
		domain: checkDomain(to["domain"], [...path, "domain"], lists, report),
		method: checkMethods(to["method"], [...path, "method"], report),
		path: checkPaths(to["path"], [...path, "path"], report),
		status: checkStatuses(to["status"], [...path, "status"], report),
	};
}

/** Reports the first domain pattern of more than SHAPES_MAX shapes. Call add() for each rule in turn. */
export class ShapeLimit {
	readonly #shapes = new Set<number>();
	readonly #seen = new Set<readonly string[]>();
	#reported = false;

	add(domain: readonly (readonly string[])[] | null, path: Path, report: Report): void {
		for (const patterns of domain ?? []) {
			/* Rules that name the same list share it. */
			if (this.#seen.has(patterns)) continue;
			this.#seen.add(patterns);
			this.#addAll(patterns, path, report);
		}
	}

	#addAll(patterns: readonly string[], path: Path, report: Report): void {
		for (const pattern of patterns) {
			const { labels, mask, many } = patternShape(pattern);
			this.#shapes.add(mask * 0x10000 + many * 0x100 + labels);
			if (this.#shapes.size <= SHAPES_MAX || this.#reported) continue;
			this.#reported = true;
			const message = `"${pattern}" exceeds the limit: the patterns of a policy may have ${SHAPES_MAX} shapes (number of labels, positions of "*" and "**")`;
			report.at(path, message, `at most ${SHAPES_MAX} shapes`);
		}
	}
}

function checkCidr(value: unknown, path: Path, lists: Lists, report: Report): PrefixSet[] | null {
	const items = itemsOf(value, path);
	if (items === null) return null;
	const own = new PrefixBuilder();
	const sets: PrefixSet[] = [];
	for (const item of items) {
		const text = String(item.value);
		if (text.startsWith("@")) {
			const set = lists.prefixes(text, item.path);
			if (set) sets.push(set);
			continue;
		}
		const mistake = own.add(text);
		if (mistake) report.at(item.path, mistake.message, "a prefix such as 10.0.0.0/8", mistake.suggestion);
	}
	return [own.build(), ...sets];
}

function checkPorts(value: unknown, path: Path, report: Report): PortRange[] | null {
	const items = itemsOf(value, path);
	if (items === null) return null;
	const ranges: PortRange[] = [];
	for (const { value: text, path: at } of items) {
		const match = /^\s*([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?\s*$/.exec(String(text));
		const low = Number(match?.[1]);
		const high = Number(match?.[2] ?? match?.[1]);
		if (typeof text === "number" && !(low <= 65535)) continue; // The schema has reported it.
		if (match === null)
			report.at(at, `"${text}" is not a port or a range of ports`, 'a port such as 443 or "1024-65535"');
		else if (high > 65535 || low > 65535) report.at(at, `port ${Math.max(low, high)} is above 65535`, "0 to 65535");
		else if (low > high) {
			report.at(at, `the range ${low}-${high} is reversed; write ${high}-${low}`, "low-high", `${high}-${low}`);
		} else ranges.push({ low, high });
	}
	return ranges;
}

function checkProtocols(value: unknown, path: Path, report: Report): number[] | null {
	const items = itemsOf(value, path);
	if (items === null) return null;
	const numbers: number[] = [];
	for (const { value: written, path: at } of items) {
		if (typeof written === "number" && !(written >= 0 && written <= 255)) continue; // The schema has reported it.
		const name = String(written).toLowerCase();
		const number = /^[0-9]{1,3}$/.test(name) ? Number(name) : PROTOCOLS.get(name);
		if (number !== undefined && number <= 255) numbers.push(number);
		else {
			const suggestion = nearest(name, [...PROTOCOLS.keys()]);
			const expected = `one of ${[...PROTOCOLS.keys()].join(", ")}, or 0 to 255`;
			report.at(at, `unknown protocol "${written}"${didYouMean(suggestion)}`, expected, suggestion);
		}
	}
	return numbers;
}

function checkDomain(value: unknown, path: Path, lists: Lists, report: Report): (readonly string[])[] | null {
	const items = itemsOf(value, path);
	if (items === null) return null;
	const own: string[] = [];
	const all: (readonly string[])[] = [own];
	for (const item of items) {
		const text = String(item.value);
		if (text.startsWith("@")) {
			const names = lists.names(text, item.path);
			if (names) all.push(names);
			continue;
		}
		const result = parsePattern(text);
		if ("pattern" in result) own.push(result.pattern);
		else {
			const message = `"${text}" ${result.wrong}${didYouMean(result.suggestion)}`;
			report.at(item.path, message, 'a domain such as "*.example.com"', result.suggestion);
		}
	}
	return all;
}
