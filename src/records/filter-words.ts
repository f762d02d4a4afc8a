/**
 * The filter words. API parameters, command-line options, the OpenAPI document, the test of records in memory and the SQL of the file
 * are all made from this table. A new word is one entry here; a list word also needs one in each of the two tables of `top`
 * (src/store/top-query.ts, src/answers/recent-top.ts), which the type checker demands.
 */
import { type AddressRange, addressBytes, addressRange, isInRange, isMapped } from "../base/address.ts";
import { outcomeNames, phaseNames, verdictNames } from "../native/vocabulary.ts";
import type { RuleRef } from "./connection.ts";
import type { Decided, Subjects, Workload } from "./filter-subject.ts";
import { type AnyWord, ownWord, type PortRange, rowWord, type Word } from "./filter-word.ts";
import { namePattern, normalName, textPattern } from "./patterns.ts";
import { PROTOCOL_FORMS, protocolNumber } from "./protocols.ts";

const outcomes = outcomeNames.filter((name) => name !== null);

/** Words that take several values (any of them) and can be negated (none of them). `top` groups by them. */
export const LIST_WORDS = {
	verdict: rowWord("steps", {
		placeholder: "<verdict>",
		help: "the decision",
		expected: "allow, deny or would_deny",
		choices: ["allow", "deny", "would_deny"],
		parse: (text) => indexIn(verdictNames, text),
		test: (value) => (steps) => steps.verdict === value,
	}),
	phase: rowWord("steps", {
		placeholder: "<phase>",
		help: "the phase that decided",
		expected: "dns, connect, tls or http",
		choices: phaseNames,
		parse: (text) => indexIn(phaseNames, text),
		test: (value) => (steps) => steps.phase === value,
	}),
	name: rowWord("name", {
		placeholder: "<name>",
		help: 'domain name; "*" as a whole label is one label, "**." in front one or more, any other "*" any run of characters',
		expected: "a domain name or a pattern",
		parse: (text) => normalName(text) || null,
		test: (value) => {
			const { matches } = namePattern(value);
			return ({ name }) => name !== null && matches(name);
		},
	}),
	address: ownWord("remote", {
		placeholder: "<address>",
		help: "remote address or prefix, such as 10.0.0.0/8",
		expected: "an address or a prefix such as 10.0.0.0/8",
		parse: addressRange,
		test: (range) => (own) => isInRange(own.remote, range),
		/* SQLite compares blobs byte by byte: an IPv6 address may lie between two IPv4 addresses. */
		sql: ({ low }, column) => `${column} BETWEEN ? AND ? AND length(${column}) = ${addressBytes(low).length}`,
		parameters: ({ low, high }) => [addressBytes(low), addressBytes(high)],
	}),
	port: ownWord("port", {
		placeholder: "<port>",
		help: "remote port, or a range such as 8000-8999",
		expected: "a port or a range such as 8000-8999",
		parse: parsePorts,
		test:
			({ from, to }) =>
			(own) =>
				own.port >= from && own.port <= to,
		sql: (_, column) => `${column} BETWEEN ? AND ?`,
		parameters: ({ from, to }) => [from, to],
	}),
	protocol: ownWord("protocol", {
		placeholder: "<protocol>",
		help: "tcp, udp, icmp, icmp6 or a number",
		expected: PROTOCOL_FORMS,
		parse: protocolNumber,
		test: (value) => (own) => own.protocol === value,
		sql: (_, column) => `${column} = ?`,
		parameters: (value) => [value],
	}),
	outcome: ownWord("outcome", {
		placeholder: "<outcome>",
		help: "how a DNS question ended",
		expected: `one of ${outcomes.join(", ")}`,
		choices: outcomes,
		parse: (text) => indexIn(outcomeNames, text.toLowerCase()),
		test: (value) => (own) => own.outcome === value,
		sql: (_, column) => `${column} = ?`,
		parameters: (value) => [value],
	}),
	process: rowWord("workload", {
		placeholder: "<process>",
		help: "process id, comm, or the program's path or file name",
		expected: "a process id, a comm or a program",
		parse: textOrNull,
		test: (value) => {
			const pid = pidOf(value);
			const matches = textPattern(value);
			const isProgram = programTest(matches);
			return (who) => (pid !== null && who.pid === pid) || (who.comm !== null && matches(who.comm)) || isProgram(who);
		},
		pidOf,
	}),
	exe: rowWord("workload", {
		placeholder: "<path>",
		help: "the program's path or file name",
		expected: "a path or a file name",
		parse: textOrNull,
		test: (value) => programTest(textPattern(value)),
	}),
	unit: workloadText("unit", "systemd unit", (who) => who.unit),
	container: rowWord("workload", {
		placeholder: "<id>",
		help: "container id, at least its first 4 digits, or container name",
		expected: "a container id or name",
		parse: textOrNull,
		test: (value) => {
			const matches = textPattern(value);
			return ({ container }) => container !== null && (matches(container) || isAbbreviated(value, container));
		},
	}),
	user: rowWord("workload", {
		placeholder: "<user>",
		help: "user name or uid",
		expected: "a user name or a uid",
		parse: textOrNull,
		test: (value) => {
			const matches = textPattern(value);
			return ({ uid, user }) => String(uid) === value || (user !== null && matches(user));
		},
	}),
	rule: ruleText("rule", "rule that decided, or alert rule that matched", ({ name }) => name),
	group: ruleText("group", "group of that rule", ({ group }) => group),
} as const satisfies Readonly<Record<string, AnyWord>>;

/** Words with one value out of two; the other value is the negation. */
export const SINGLE_WORDS = {
	kind: ownWord("kind", {
		placeholder: "<kind>",
		help: "only connections, or only DNS questions",
		expected: "connection or dns",
		choices: ["connection", "dns"],
		parse: (text) => (text === "connection" || text === "dns" ? text : null),
		test: (value) => (own) => own.isDns === (value === "dns"),
		sql: (_, column) => `${column} = ?`,
		parameters: (value) => [value === "dns" ? 1 : 0],
	}),
	open: ownWord("open", {
		placeholder: "<open>",
		help: "only open connections (true), or only closed ones (false)",
		expected: "true or false",
		parse: (text) => (text === "true" ? true : text === "false" ? false : null),
		test: (value) => (own) => own.open === value,
		/* 2: an earlier daemon left it open, and it has not been seen since. */
		sql: (value, column) => `${column} ${value ? "=" : "<>"} 1`,
		parameters: () => [],
	}),
} as const satisfies Readonly<Record<string, AnyWord>>;

/** Bounds in time; their values are those of src/base/times.ts. */
export const TIME_WORDS = {
	since: { placeholder: "<when>", help: "active at or after this time" },
	until: { placeholder: "<when>", help: "began before this time" },
} as const;

export type ListWord = keyof typeof LIST_WORDS;
export type SingleWord = keyof typeof SINGLE_WORDS;
export type TimeWord = keyof typeof TIME_WORDS;
export type TermWord = ListWord | SingleWord;
/** A list word with its negation, as parameters and options are called. */
export type Negated<W extends string> = `not-${W}`;

export const LIST_WORD_NAMES = Object.keys(LIST_WORDS) as readonly ListWord[];
export const SINGLE_WORD_NAMES = Object.keys(SINGLE_WORDS) as readonly SingleWord[];
export const TERM_WORDS: Readonly<Record<TermWord, AnyWord>> = { ...LIST_WORDS, ...SINGLE_WORDS };

export function negated<W extends string>(word: W): Negated<W> {
	return `not-${word}`;
}

/** Whether so few addresses are in the range that looking them up is faster than reading by time. */
export function isNarrow({ low, high }: AddressRange): boolean {
	const bytes = [...low].findIndex((character, index) => character !== high[index]);
	return bytes < 0 || bytes >= (isMapped(low) ? 13 : 4);
}

/* Digits of a container id that name it, as in docker's and podman's command lines. */
const CONTAINER_DIGITS = 4;

function workloadText(word: string, help: string, of: (who: Workload) => string | null): Word<"workload"> {
	return rowWord("workload", {
		...textWord(word, help),
		test: (value: string) => {
			const matches = textPattern(value);
			return (who) => {
				const text = of(who);
				return text !== null && matches(text);
			};
		},
	});
}

function ruleText(word: string, help: string, of: (rule: RuleRef) => string): Word<"steps"> {
	return rowWord("steps", {
		...textWord(word, help),
		test: (value: string) => {
			const matches = textPattern(value);
			return ({ rule, alerts }: Decided) =>
				(rule !== null && matches(of(rule))) || alerts.some((each) => matches(of(each)));
		},
	});
}

function textWord(word: string, help: string) {
	return { placeholder: `<${word}>`, help, expected: `a ${word} name or a pattern`, parse: textOrNull };
}

function programTest(matches: (text: string) => boolean): (who: Subjects["workload"]) => boolean {
	return ({ exe }) => exe !== null && (matches(exe) || matches(exe.slice(exe.lastIndexOf("/") + 1)));
}

function isAbbreviated(value: string, container: string): boolean {
	return value.length >= CONTAINER_DIGITS && (container.startsWith(value) || value.startsWith(container));
}

function textOrNull(text: string): string | null {
	return text === "" ? null : text;
}

function pidOf(value: string): number | null {
	return /^\d{1,10}$/.test(value) ? Number(value) : null;
}

function indexIn(names: readonly (string | null)[], text: string): number | null {
	const index = names.indexOf(text);
	return index < 0 ? null : index;
}

function parsePorts(text: string): PortRange | null {
	const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
	if (match === null) return null;
	const from = Number(match[1]);
	const to = Number(match[2] ?? from);
	return from <= to && to <= 65_535 ? { from, to } : null;
}
