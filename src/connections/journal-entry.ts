import type { VerdictName } from "../native/vocabulary.ts";
import { type Remedy, remedyOf } from "../records/remedy.ts";
import type { ConnectionView } from "../records/view.ts";
import type { JournalFields } from "../system/journal.ts";

/** `journalctl MESSAGE_ID=...` selects all entries. */
const MESSAGE_ID = "6f1d7a0c2b5e4c6d9a3f8e21b7c4d590";

/* syslog(3): warning, notice, info. */
const PRIORITY: Readonly<Record<VerdictName, number>> = { deny: 4, would_deny: 5, allow: 6 };

/** A connection as a journal entry, for example for `journalctl SALLYPORT_VERDICT=deny SALLYPORT_UNIT=agent.service`. */
export function journalEntry(connection: ConnectionView): JournalFields {
	const { process, decisions, phase } = connection;
	const remedy = remedyOf(connection);
	return {
		MESSAGE: [sentence(connection), ...(remedy === null ? [] : [`remedy: ${remedyText(remedy)}`])].join("; "),
		MESSAGE_ID,
		PRIORITY: PRIORITY[connection.verdict],
		SYSLOG_IDENTIFIER: "sallyport",
		SALLYPORT_ID: connection.id,
		SALLYPORT_KIND: connection.kind,
		SALLYPORT_VERDICT: connection.verdict,
		SALLYPORT_PHASE: phase,
		SALLYPORT_REASON: connection.reason,
		SALLYPORT_GROUP: connection.group,
		SALLYPORT_RULE: connection.rule,
		SALLYPORT_GENERATION: phase === null ? null : (decisions[phase]?.generation ?? null),
		SALLYPORT_REMEDY: remedy?.text ?? null,
		SALLYPORT_REMEDY_RULE: remedy?.rule ?? null,
		SALLYPORT_NAME: connection.name,
		SALLYPORT_ADDRESS: connection.remote,
		SALLYPORT_PORT: connection.remotePort,
		SALLYPORT_PROTOCOL: connection.protocol,
		SALLYPORT_PROCESS: process?.comm ?? null,
		SALLYPORT_PID: process?.pid ?? null,
		SALLYPORT_EXE: process?.exe ?? null,
		SALLYPORT_UID: process?.uid ?? null,
		SALLYPORT_USER: process?.user ?? null,
		SALLYPORT_UNIT: connection.unit,
		SALLYPORT_CONTAINER: connection.container,
		SALLYPORT_COUNT: connection.count,
		SALLYPORT_BYTES_OUT: connection.bytesOut,
		SALLYPORT_BYTES_IN: connection.bytesIn,
	};
}

function remedyText({ text, rule }: Remedy): string {
	return rule === null ? text : `${text} ${rule}`;
}

function sentence(c: ConnectionView): string {
	const who = c.process === null ? "unknown process" : `${c.process.comm}[${c.process.pid}]`;
	const where = `${c.protocol} ${c.remote.includes(":") ? `[${c.remote}]` : c.remote}:${c.remotePort}`;
	const name = c.name === null ? "" : ` (${c.name})`;
	const by = c.rule === null ? (c.reason ?? "undecided") : `${c.group}/${c.rule}`;
	return `${c.verdict.replace("_", " ")}: ${who} of ${c.unit ?? c.container ?? "no unit"} to ${where}${name}, by ${c.phase ?? "no phase"}: ${by}${c.count > 1 ? `, ${c.count} times` : ""}`;
}
