import { phaseNames } from "../native/vocabulary.ts";
import type { HistoryReader, HistoryRecord } from "../records/contract.ts";
import { parseTerms } from "../records/filter.ts";

/** One decision about a connection. */
export interface Step {
	readonly phase: string;
	readonly verdict: string;
	readonly reason: string;
	readonly group: string | null;
	readonly rule: string | null;
	readonly generation: number;
	/** It is the decision that stands for the record. */
	readonly decides: boolean;
	/** The id of the DNS question, for the step that came before the connection. */
	readonly record: number | null;
	/** One sentence. */
	readonly text: string;
}

/** From the DNS question to the last phase that decided. */
export async function stepsOf(record: HistoryRecord, reader: HistoryReader): Promise<Step[]> {
	const steps: Step[] = [];
	const question = await questionBefore(record, reader);
	const decision = question?.decisions.dns;
	if (question !== null && decision !== undefined) {
		const answered = question.query?.addresses.includes(record.remote) === true ? "; the answer had this address" : "";
		steps.push({
			phase: "dns",
			...decision,
			decides: false,
			record: question.id,
			text: `the DNS question for ${question.name}: ${sentenceOf(decision)}${answered}`,
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

/* The last question of the process for the name before it connected. */
async function questionBefore(record: HistoryRecord, reader: HistoryReader): Promise<HistoryRecord | null> {
	const { kind, name, process } = record;
	if (kind !== "connection" || name === null || process === null || name.includes("*")) return null;
	const until = Date.parse(record.first) + 1;
	const terms = parseTerms({ kind: "dns", name, process: String(process.pid) });
	const filter = { since: until - BEFORE, until, terms };
	const { rows } = await reader.query({ filter, limit: 10 });
	const own = rows.filter((row) => row.name === name && row.process?.pid === process.pid);
	return own.find((row) => row.query?.addresses.includes(record.remote)) ?? own[0] ?? null;
}

/** [ms] Programs seldom keep an address for longer. */
const BEFORE = 3_600_000;

function sentenceOf({ verdict, reason, group, rule }: Omit<Step, "phase" | "decides" | "record" | "text">): string {
	const done = { allow: "allowed", deny: "denied", would_deny: "would be denied" }[verdict] ?? verdict;
	if (reason === "rule" && rule !== null) return `${done} by rule ${rule} of group ${group}`;
	return `${done} (${REASONS[reason] ?? reason})`;
}

const REASONS: Readonly<Record<string, string>> = {
	rule: "by a rule of a policy that is no longer known",
	default: "by the default of the phase: no rule matched",
	resolver: "a trusted resolver: each of its DNS questions is decided instead",
	name_unbound: "DNS did not return this address for the name in the ClientHello",
	name_missing: "the ClientHello has no server name",
	name_bad: "the server name in the ClientHello is not a valid name",
	incomplete: "the ClientHello stayed incomplete",
	not_tls: "a ClientHello was required, and other data was sent",
	unreadable: "the data could not be parsed",
	no_policy: "no policy was in force",
	no_room: "a kernel map was full",
	quic_unread: "a QUIC version that cannot be decrypted, so the name is not known",
};
