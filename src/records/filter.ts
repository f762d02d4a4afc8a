import { addressMatcher } from "../base/address.ts";
import type { ProcessInfo } from "../identity/process-table.ts";
import { PROTOCOL } from "../native/layout.ts";
import { phaseNames, verdictNames } from "../native/vocabulary.ts";
import type { Connection } from "./connection.ts";
import type { Describer } from "./view.ts";

/** What people ask for. All that is given must hold. */
export interface ConnectionFilter {
	readonly verdict?: string;
	/** A decision of this phase decided. */
	readonly phase?: string;
	/** A name; "*" is one label and "**" in front one or more, as in policies; as a part of a label "*" is any run of characters. */
	readonly name?: string;
	/** An address or a prefix. */
	readonly address?: string;
	readonly port?: number | { readonly from: number; readonly to: number };
	/** tcp, udp, icmp, icmp6 or a number. */
	readonly protocol?: string;
	/** A pid, comm, or the exe's path or last component. "*" is any run of characters, here and below. */
	readonly process?: string;
	/** The exe's path or last component. */
	readonly exe?: string;
	readonly unit?: string;
	readonly container?: string;
	/** A name or a uid. */
	readonly user?: string;
	readonly rule?: string;
	readonly group?: string;
	/** Wall clock, ms: active at or after it. */
	readonly since?: number;
	/** Wall clock, ms: began before it. */
	readonly until?: number;
	readonly kind?: "connection" | "dns";
	readonly open?: boolean;
}

export type Predicate = (connection: Connection) => boolean;

/** Throws FilterError for a value that can match nothing because it is not of its form. */
export function compileFilter(filter: ConnectionFilter, describe: Describer): Predicate {
	const tests: Predicate[] = [];
	const { verdict, phase, name, address, port, protocol, since, until, kind, open } = filter;
	if (kind !== undefined) tests.push((c) => c.dns === (kind === "dns"));
	if (open !== undefined) tests.push((c) => c.ended !== open);
	if (since !== undefined) tests.push((c) => c.last >= since);
	if (until !== undefined) tests.push((c) => c.first < until);
	if (verdict !== undefined) {
		const wanted = verdictNames.indexOf(verdict as never);
		if (wanted <= 0) throw new FilterError("verdict", verdict, "allow, deny or would_deny");
		tests.push((c) => c.verdict === wanted);
	}
	if (phase !== undefined) {
		const wanted = phaseNames.indexOf(phase as never);
		if (wanted < 0) throw new FilterError("phase", phase, "dns, connect, tls or http");
		tests.push((c) => c.deciding?.phase === wanted);
	}
	if (port !== undefined) {
		const { from, to } = typeof port === "number" ? { from: port, to: port } : port;
		tests.push((c) => c.remotePort >= from && c.remotePort <= to);
	}
	if (protocol !== undefined) {
		const wanted = protocolNumber(protocol);
		tests.push((c) => c.protocol === wanted);
	}
	if (address !== undefined) {
		const matches = addressMatcher(address);
		if (matches === null) throw new FilterError("address", address, "an address or a prefix such as 10.0.0.0/8");
		tests.push((c) => matches(c.remote));
	}
	if (name !== undefined) {
		const matches = nameMatcher(name);
		tests.push((c) => c.name !== null && matches(c.name));
	}
	tests.push(...whoTests(filter, describe));
	if (filter.rule !== undefined) {
		const matches = wildcard(filter.rule);
		tests.push(
			(c) =>
				(c.deciding?.rule !== null && c.deciding !== null && matches(c.deciding.rule.name)) ||
				(c.alerts ?? []).some((r) => matches(r.name)),
		);
	}
	if (filter.group !== undefined) {
		const matches = wildcard(filter.group);
		tests.push(
			(c) =>
				(c.deciding?.rule !== null && c.deciding !== null && matches(c.deciding.rule.group)) ||
				(c.alerts ?? []).some((r) => matches(r.group)),
		);
	}
	return (connection) => tests.every((test) => test(connection));
}

export class FilterError extends Error {
	readonly parameter: string;

	constructor(parameter: string, value: string, expected: string) {
		super(`${parameter} "${value}" is not ${expected}`);
		this.name = "FilterError";
		this.parameter = parameter;
	}
}

/** "*" is any run of characters; everything else stands for itself. Linear in time: no regular expression with back-tracking. */
export function wildcard(pattern: string): (text: string) => boolean {
	const parts = pattern.split("*");
	const [head = ""] = parts;
	if (parts.length === 1) return (text) => text === pattern;
	const tail = parts[parts.length - 1] ?? "";
	const middle = parts.slice(1, -1).filter((part) => part !== "");
	return (text) => {
		if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
		let at = head.length;
		const end = text.length - tail.length;
		for (const part of middle) {
			const found = text.indexOf(part, at);
			if (found < 0 || found + part.length > end) return false;
			at = found + part.length;
		}
		return true;
	};
}

/** See ConnectionFilter.name. Any case; a dot at the end is dropped. */
export function nameMatcher(pattern: string): (name: string) => boolean {
	const plain = pattern.toLowerCase().replace(/\.$/, "");
	if (!plain.includes("*")) return (name) => name === plain;
	const labels = plain.split(".");
	const many = labels[0] === "**";
	if (many) labels.shift();
	const tests = labels.map((label) => (label === "*" ? () => true : wildcard(label)));
	return (name) => {
		const has = name.split(".");
		const extra = has.length - tests.length;
		return (many ? extra > 0 : extra === 0) && tests.every((test, index) => test(has[index + extra] ?? ""));
	};
}

function whoTests(filter: ConnectionFilter, describe: Describer): Predicate[] {
	const tests: Predicate[] = [];
	const exeTest = (matches: (text: string) => boolean) => (process: ProcessInfo) => {
		const exe = describe.exe(process);
		return exe !== null && (matches(exe) || matches(exe.slice(exe.lastIndexOf("/") + 1)));
	};
	if (filter.process !== undefined) {
		const wanted = filter.process;
		const matches = wildcard(wanted);
		const exeMatches = exeTest(matches);
		tests.push(
			({ process }) =>
				process !== null && (String(process.pid) === wanted || matches(process.comm) || exeMatches(process)),
		);
	}
	if (filter.exe !== undefined) {
		const exeMatches = exeTest(wildcard(filter.exe));
		tests.push(({ process }) => process !== null && exeMatches(process));
	}
	if (filter.unit !== undefined) {
		const matches = wildcard(filter.unit);
		tests.push((c) => typeof c.cgroup?.unit === "string" && matches(c.cgroup.unit));
	}
	if (filter.container !== undefined) {
		const wanted = filter.container;
		const matches = wildcard(wanted);
		/* Ids are long: any prefix of at least 4 digits names a container, as people are used to. */
		tests.push(
			({ cgroup }) =>
				typeof cgroup?.container === "string" &&
				(matches(cgroup.container) || (wanted.length >= 4 && prefixes(wanted, cgroup.container))),
		);
	}
	if (filter.user !== undefined) {
		const wanted = filter.user;
		tests.push((c) => String(c.uid) === wanted || describe.user(c.uid) === wanted);
	}
	return tests;
}

function prefixes(a: string, b: string): boolean {
	return a.startsWith(b) || b.startsWith(a);
}

function protocolNumber(text: string): number {
	const known = (PROTOCOL as Readonly<Record<string, number>>)[text];
	if (known !== undefined) return known;
	if (!/^\d{1,3}$/.test(text) || Number(text) > 255)
		throw new FilterError("protocol", text, "tcp, udp, icmp, icmp6 or a number");
	return Number(text);
}
