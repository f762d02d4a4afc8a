import { phaseNames } from "../native/vocabulary.ts";
import type { HistoryReader, HistoryRecord } from "../records/contract.ts";
import { parseTerms } from "../records/filter.ts";

/** One decision on the way to the verdict of a record. */
export interface Step {
	readonly phase: string;
	readonly verdict: string;
	readonly reason: string;
	readonly group: string | null;
	readonly rule: string | null;
	readonly generation: number;
	/** The verdict of the record is from this decision. */
	readonly decides: boolean;
	/** The id of the DNS query's record, for the step that precedes the connection; otherwise null. */
	readonly record: number | null;
	/** The decision as a sentence. */
	readonly text: string;
}

/**
 * The steps of a record: the DNS query of the same process for the name, then each phase that decided, in order. Rejects with
 * HistoryError.
 */
export async function stepsOf(record: HistoryRecord, reader: HistoryReader): Promise<Step[]> {
	const steps: Step[] = [];
	const query = await queryBefore(record, reader);
	const decision = query?.decisions.dns;
	if (query !== null && decision !== undefined) {
		const given = query.query?.addresses.includes(record.remote) === true ? "; the response had this address" : "";
		steps.push({
			phase: "dns",
			...decision,
			decides: false,
			record: query.id,
			text: `dns query for ${query.name}: ${sentenceOf(decision)}${given}`,
		});
	}
	for (const phase of phaseNames) {
		const decision = record.decisions[phase];
		if (decision === undefined) continue;
		const decides = record.phase === phase;
		steps.push({ phase, ...decision, decides, record: null, text: `${phase}: ${sentenceOf(decision)}` });
	}
	return steps;
}

/* The last query of the process for the name before it connected. A name with a wildcard would match other queries. */
async function queryBefore(record: HistoryRecord, reader: HistoryReader): Promise<HistoryRecord | null> {
	const { kind, name, process } = record;
	if (kind !== "connection" || name === null || process === null || name.includes("*")) return null;
	const until = Date.parse(record.first) + 1;
	const terms = parseTerms({ kind: "dns", name, process: String(process.pid) });
	const filter = { since: until - BEFORE, until, terms };
	const { rows } = await reader.query({ filter, limit: 10 });
	const own = rows.filter((row) => row.name === name && row.process?.pid === process.pid);
	return own.find((row) => row.query?.addresses.includes(record.remote)) ?? own[0] ?? null;
}

/** How far back the query is searched [ms]: clients seldom cache a name for longer. */
const BEFORE = 3_600_000;

function sentenceOf({ verdict, reason, group, rule }: Omit<Step, "phase" | "decides" | "record" | "text">): string {
	const done = DONE.get(verdict) ?? verdict;
	if (reason === "rule" && rule !== null) return `${done} by rule ${rule} of group ${group}`;
	if (reason === "unread" && rule !== null) return `${done} by rule ${rule} of group ${group} (${TEXTS["unread"]})`;
	return `${done} (${REASONS.get(reason) ?? reason})`;
}

const DONE = new Map([
	["allow", "allowed"],
	["deny", "denied"],
	["would_deny", "would be denied"],
]);

const TEXTS: Readonly<Record<string, string>> = {
	rule: "by a rule of a policy that is no longer known",
	default: "no rule matched; the default of the phase applies",
	resolver: "phase dns decides about DNS to a trusted resolver",
	name_unbound: "DNS did not give this address for the name that was sent",
	name_expired: "a rule allows a name of the address, but the DNS answer with it has expired",
	name_capped: "a rule allows a name of the address, but the name has too many addresses",
	name_missing: "no name was sent",
	name_bad: "the name that was sent is invalid",
	incomplete: "the message is incomplete",
	not_tls: "a ClientHello or request with an allowed name was required, and something else was sent",
	unreadable: "the message could not be parsed",
	unread: "what was sent cannot be read, so it may be for any name",
	no_policy: "no policy was in force",
	no_room: "a kernel map was full",
	quic_unread: "the QUIC version is not supported, so the name is unknown",
};
const REASONS = new Map(Object.entries(TEXTS));
