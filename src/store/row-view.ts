/** A row of the file in the form of src/records/view.ts, as a connection in memory is shown. */
import type { DatabaseSync } from "node:sqlite";
import { addressOfBytes, addressText, isUnspecified } from "../base/address.ts";
import { printable } from "../base/text.ts";
import { PHASE } from "../native/layout.ts";
import { endNames, type PhaseName, phaseNames, reasonNames, verdictNames } from "../native/vocabulary.ts";
import { encryptedDns } from "../policy/encrypted-dns.ts";
import type { HttpRequest } from "../records/connection.ts";
import type { HistoryRecord } from "../records/contract.ts";
import { protocolText } from "../records/protocols.ts";
import { argumentsOf, type DecisionView, httpView, queryView } from "../records/view.ts";
import { NAME_SOURCES } from "./tables.ts";
import { firstRow } from "./typed-rows.ts";

/** Whole records by id, in the order of `ids`, without those that were deleted meanwhile. */
export function readRecords(database: DatabaseSync, ids: readonly number[], hideArguments = false): HistoryRecord[] {
	const statement = database.prepare(WHOLE);
	const records: HistoryRecord[] = [];
	for (const id of ids) {
		const row = firstRow<Row>(statement, id);
		if (row !== undefined) records.push(recordOf(hideArguments ? { ...row, args: null } : row));
	}
	return records;
}

/** Printable; an empty text is null. */
export function textOrNull(text: string | null): string | null {
	return text === null || text === "" ? null : printable(text);
}

/** `us`: microseconds since the epoch. */
export function iso(us: number): string {
	return new Date(us / 1000).toISOString();
}

interface Row {
	readonly id: number;
	readonly kind: number;
	readonly open: number;
	readonly last: number;
	readonly name_source: number;
	readonly verdict: number;
	readonly protocol: number;
	readonly remote: Uint8Array;
	readonly port: number;
	readonly local: Uint8Array;
	readonly local_port: number;
	readonly bytes_out: number;
	readonly bytes_in: number;
	readonly packets_out: number;
	readonly packets_in: number;
	readonly rtt: number;
	readonly retransmits: number;
	readonly end_how: number;
	readonly ech: number;
	readonly query_type: number;
	readonly addresses: Uint8Array | null;
	readonly request: string | null;
	readonly requests: number;
	readonly outcome: number;
	readonly times: number;
	readonly name: string | null;
	readonly comm: string | null;
	readonly exe: string | null;
	readonly uid: number | null;
	readonly user: string | null;
	readonly unit: string | null;
	readonly container: string | null;
	readonly cgroup: string | null;
	readonly parent_comm: string | null;
	readonly pid: number | null;
	readonly ppid: number | null;
	readonly args: string | null;
	readonly phase: number | null;
	readonly reason: number | null;
	readonly rule: string | null;
	readonly rule_group: string | null;
	readonly detail: string | null;
}

const WHOLE = `SELECT c.id, c.kind, c.open, c.last, c.name_source, c.verdict, c.protocol, c.remote, c.port, c.local, c.local_port,
	c.bytes_out, c.bytes_in, c.packets_out, c.packets_in, c.rtt, c.retransmits, c.end_how, c.ech, c.query_type, c.addresses,
	c.request, c.requests, c.outcome, c.times,
	n.text AS name, w.comm, w.exe, w.uid, w.user, w.unit, w.container, w.cgroup, w.parent_comm, p.pid, p.ppid, p.args,
	s.phase, s.reason, s.rule, s.rule_group, s.detail
FROM connection c LEFT JOIN name n ON n.id = c.name LEFT JOIN workload w ON w.id = c.workload
	LEFT JOIN process p ON p.id = c.process LEFT JOIN steps s ON s.id = c.steps
WHERE c.id = ?`;

type Decision = readonly [
	phase: number,
	verdict: number,
	reason: number,
	group: string,
	rule: string,
	generation: number,
];

interface Detail {
	readonly decisions: readonly Decision[];
	readonly alerts: readonly (readonly [group: string, rule: string])[];
}

const NO_DETAIL: Detail = { decisions: [], alerts: [] };

function recordOf(row: Row): HistoryRecord {
	const local = addressOfBytes(row.local);
	const detail = row.detail === null ? NO_DETAIL : (JSON.parse(row.detail) as Detail);
	const isDns = row.kind === 1;
	return {
		id: row.id,
		kind: isDns ? "dns" : "connection",
		first: iso(row.id),
		last: iso(row.last),
		process: processOf(row),
		unit: textOrNull(row.unit),
		container: textOrNull(row.container),
		cgroup: textOrNull(row.cgroup),
		protocol: protocolText(row.protocol),
		remote: addressText(addressOfBytes(row.remote)),
		remotePort: row.port,
		local: row.local.length === 0 || isUnspecified(local) ? null : addressText(local),
		localPort: row.local_port === 0 ? null : row.local_port,
		name: textOrNull(row.name),
		nameSource: NAME_SOURCES[row.name_source] ?? null,
		encryptedDns: isDns
			? null
			: encryptedDns(row.protocol, () => addressText(addressOfBytes(row.remote)), row.port, row.name),
		verdict: verdictNames[row.verdict] ?? "allow",
		phase: row.phase === null ? null : (phaseNames[row.phase] ?? null),
		rule: row.rule === null || row.rule === "" ? null : row.rule,
		group: row.rule === null || row.rule === "" ? null : row.rule_group,
		reason: row.reason === null ? null : (reasonNames[row.reason] ?? null),
		alerts: detail.alerts.map(([group, rule]) => ({ group, rule })),
		decisions: decisionsOf(detail.decisions),
		count: row.times,
		bytesOut: row.bytes_out,
		bytesIn: row.bytes_in,
		packetsOut: row.packets_out,
		packetsIn: row.packets_in,
		durationMs: Math.max(0, (row.last - row.id) / 1000),
		end: endNames[row.end_how] ?? null,
		open: row.open === 1,
		query: isDns ? queryView(row.query_type, row.outcome, addressesOf(row.addresses)) : null,
		http: httpView(row.request === null ? null : (JSON.parse(row.request) as HttpRequest), row.requests),
		rttUs: row.rtt === 0 ? null : row.rtt,
		retransmits: row.retransmits,
		encryptedHello: row.ech === 1,
	};
}

function processOf({ pid, ppid, comm, exe, args, uid, user, parent_comm }: Row): HistoryRecord["process"] {
	if (pid === null) return null;
	return {
		pid,
		ppid: ppid === 0 ? null : ppid,
		comm: printable(comm ?? ""),
		exe: textOrNull(exe),
		args: argumentsOf(args ?? ""),
		uid: uid ?? 0,
		user: textOrNull(user),
		parentComm: textOrNull(parent_comm),
	};
}

function decisionsOf(decisions: readonly Decision[]): Partial<Record<PhaseName, DecisionView>> {
	const result: Partial<Record<PhaseName, DecisionView>> = {};
	for (const [phase, verdict, reason, group, rule, generation] of decisions) {
		result[phaseNames[phase] ?? phaseNames[PHASE.connect]] = {
			verdict: verdictNames[verdict] ?? "allow",
			reason: reasonNames[reason] ?? "unreadable",
			group: rule === "" ? null : group,
			rule: rule === "" ? null : rule,
			generation,
		};
	}
	return result;
}

function addressesOf(blob: Uint8Array | null): string[] {
	if (blob === null) return [];
	const text = Buffer.from(blob).toString("latin1");
	const addresses: string[] = [];
	for (let at = 0; at + 16 <= text.length; at += 16) addresses.push(addressText(text.slice(at, at + 16)));
	return addresses;
}
