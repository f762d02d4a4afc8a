import { phaseNames } from "../native/vocabulary.ts";
import type { HistoryReader, HistoryRecord } from "../records/contract.ts";

/** One decision on the way of a connection. */
export interface Step {
	readonly phase: string;
	readonly verdict: string;
	readonly reason: string;
	readonly group: string | null;
	readonly rule: string | null;
	readonly generation: number;
	/** This decision stands for the record. */
	readonly decides: boolean;
	/** The record of the DNS question, for the step that came before the connection. */
	readonly record: number | null;
	/** One sentence. */
	readonly text: string;
}

/** From the question to the last phase that judged. */
export async function stepsOf(record: HistoryRecord, reader: HistoryReader): Promise<Step[]> {
	const steps: Step[] = [];
	const question = await questionBefore(record, reader);
	const asked = question?.decisions.dns;
	if (question !== null && asked !== undefined) {
		const given = question.query?.addresses.includes(record.remote) === true ? "; the answer had this address" : "";
		steps.push({
			phase: "dns",
			...asked,
			decides: false,
			record: question.id,
			text: `the question for ${question.name}: ${sentenceOf(asked)}${given}`,
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

/* The last one of this process for the name, before it connected. */
async function questionBefore(record: HistoryRecord, reader: HistoryReader): Promise<HistoryRecord | null> {
	const { kind, name, process } = record;
	if (kind !== "connection" || name === null || process === null || name.includes("*")) return null;
	const until = Date.parse(record.first) + 1;
	const filter = { kind: "dns" as const, name, process: String(process.pid), since: until - BEFORE, until };
	const { rows } = await reader.query({ filter, limit: 10 });
	const own = rows.filter((row) => row.name === name && row.process?.pid === process.pid);
	return own.find((row) => row.query?.addresses.includes(record.remote)) ?? own[0] ?? null;
}

/** ms: a name is seldom kept longer by who asked. */
const BEFORE = 3_600_000;

function sentenceOf({ verdict, reason, group, rule }: Omit<Step, "phase" | "decides" | "record" | "text">): string {
	const done = { allow: "allowed", deny: "denied", would_deny: "would be denied" }[verdict] ?? verdict;
	if (reason === "rule" && rule !== null) return `${done} by rule ${rule} of group ${group}`;
	return `${done} (${REASONS[reason] ?? reason})`;
}

const REASONS: Readonly<Record<string, string>> = {
	rule: "a rule of a policy that is no longer known",
	default: "no rule decided; the phase's default did",
	resolver: "DNS with a trusted resolver is judged by its questions",
	name_unbound: "DNS did not give the address for the name that the hello shows",
	name_missing: "the hello shows no name",
	name_bad: "what the hello shows is no name",
	incomplete: "the hello never became whole",
	not_tls: "a hello was required and something else was sent",
	unreadable: "it could not be read",
	no_policy: "no policy was in force",
	no_room: "the kernel had no room to remember it",
	quic_unread: "QUIC of a version that cannot be read, so its name is not known",
};
