import { addressText, isUnspecified } from "../base/address.ts";
import { printable } from "../base/text.ts";
import type { ProcessInfo } from "../identity/process-table.ts";
import { PHASE } from "../native/layout.ts";
import {
	type EndName,
	endNames,
	type OutcomeName,
	outcomeNames,
	type PhaseName,
	phaseNames,
	type ReasonName,
	reasonNames,
	type VerdictName,
	verdictNames,
} from "../native/vocabulary.ts";
import { type EncryptedDns, encryptedDns } from "../policy/encrypted-dns.ts";
import type { Connection, HttpRequest, PhaseDecision } from "./connection.ts";
import { protocolText } from "./protocols.ts";

/** A connection as the API, the command line and the log show it. Every text is printable (src/base/text.ts). */
export interface ConnectionView {
	readonly id: number;
	/** A DNS question is a separate record, whose remote is the resolver. */
	readonly kind: "connection" | "dns";
	/** ISO 8601, UTC. */
	readonly first: string;
	/** ISO 8601, UTC. */
	readonly last: string;
	readonly process: ProcessView | null;
	readonly unit: string | null;
	readonly container: string | null;
	/** Path below the watched cgroup. */
	readonly cgroup: string | null;
	/** tcp, udp, icmp, icmp6 or a number. */
	readonly protocol: string;
	readonly remote: string;
	readonly remotePort: number;
	readonly local: string | null;
	readonly localPort: number | null;
	readonly name: string | null;
	readonly nameSource: NameSource | null;
	/** The connection carries DNS over TLS, QUIC or HTTPS, whose names cannot be read; null: not as far as known. */
	readonly encryptedDns: EncryptedDns | null;
	readonly verdict: VerdictName;
	/** The phase that decided; null: none has, because the connection is older than the daemon. */
	readonly phase: PhaseName | null;
	readonly rule: string | null;
	readonly group: string | null;
	readonly reason: ReasonName | null;
	readonly alerts: readonly { readonly group: string; readonly rule: string }[];
	readonly decisions: Partial<Record<PhaseName, DecisionView>>;
	/** Denials of the same kind, from `first` to `last`, that the record stands for. Else 1. */
	readonly count: number;
	readonly bytesOut: number;
	readonly bytesIn: number;
	readonly packetsOut: number;
	readonly packetsIn: number;
	readonly durationMs: number;
	/** Null while it is open, and where the kind of end is not known. */
	readonly end: EndName | null;
	readonly open: boolean;
	readonly query: QueryView | null;
	/** Cleartext HTTP: the last request, and the number of requests. */
	readonly http: HttpView | null;
}

/** A DNS question. */
export interface QueryView {
	readonly type: string;
	/** Null: it was not sent, or was recorded by an earlier version. */
	readonly outcome: OutcomeName | null;
	readonly addresses: readonly string[];
}

export type NameSource = "sni" | "http" | "dns";

export interface HttpView {
	readonly method: string;
	readonly host: string | null;
	/** With the query string. */
	readonly path: string;
	/** Status of the response; null: not known. */
	readonly status: number | null;
	readonly requests: number;
}

export interface ProcessView {
	readonly pid: number;
	readonly ppid: number | null;
	readonly comm: string;
	readonly exe: string | null;
	readonly args: readonly string[];
	readonly uid: number;
	readonly user: string | null;
	readonly parentComm: string | null;
}

export interface DecisionView {
	readonly verdict: VerdictName;
	readonly reason: ReasonName;
	readonly group: string | null;
	readonly rule: string | null;
	readonly generation: number;
}

/** The record for a client who may not see the arguments of other users' processes. */
export function withoutArguments<T extends Pick<ConnectionView, "process">>(record: T): T {
	return record.process === null ? record : { ...record, process: { ...record.process, args: [] } };
}

/** Texts that the tables of connections and processes do not keep. */
export interface Describer {
	/** The path of the program; null: not known. */
	exe(process: ProcessInfo): string | null;
	/** The name of a user; null: the host has none. */
	user(uid: number): string | null;
}

export type ViewOf = (connection: Connection) => ConnectionView;

/** Views of live connections. */
export function viewer(describe: Describer): ViewOf {
	return (connection) => {
		const deciding = connection.deciding;
		const local = isUnspecified(connection.local) ? null : addressText(connection.local);
		return {
			id: connection.id,
			kind: connection.dns ? "dns" : "connection",
			first: new Date(connection.first).toISOString(),
			last: new Date(connection.last).toISOString(),
			process: connection.process === null ? null : processView(connection.process, connection.uid, describe),
			unit: orNull(connection.cgroup?.unit),
			container: orNull(connection.cgroup?.container),
			cgroup: orNull(connection.cgroup?.path),
			protocol: protocolText(connection.protocol),
			remote: addressText(connection.remote),
			remotePort: connection.remotePort,
			local,
			localPort: connection.localPort === 0 ? null : connection.localPort,
			name: connection.name === null ? null : printable(connection.name),
			nameSource: nameSource(connection),
			encryptedDns: encryptedDnsOf(connection),
			verdict: verdictNames[connection.verdict] ?? "allow",
			phase: deciding === null ? null : (phaseNames[deciding.phase] ?? null),
			rule: deciding?.rule?.name ?? null,
			group: deciding?.rule?.group ?? null,
			reason: deciding === null ? null : (reasonNames[deciding.reason] ?? null),
			alerts: (connection.alerts ?? []).map((rule) => ({ group: rule.group, rule: rule.name })),
			decisions: decisionsView(connection.decisions),
			count: connection.count,
			bytesOut: connection.bytesOut,
			bytesIn: connection.bytesIn,
			packetsOut: connection.packetsOut,
			packetsIn: connection.packetsIn,
			durationMs: Math.max(0, Math.round((connection.last - connection.first) * 1000) / 1000),
			end: endNames[connection.end] ?? null,
			open: !connection.ended,
			query: connection.dns
				? queryView(connection.queryType, connection.outcome, (connection.addresses ?? []).map(addressText))
				: null,
			http: httpView(connection.request, connection.requests),
		};
	};
}

/** Null without a request. */
export function httpView(request: HttpRequest | null, requests: number): HttpView | null {
	if (request === null) return null;
	const { method, host, path, status } = request;
	return {
		method: printable(method),
		host: host === "" ? null : printable(host),
		path: printable(path),
		status: status === 0 ? null : status,
		requests,
	};
}

export function queryView(type: number, outcome: number, addresses: readonly string[]): QueryView {
	return { type: queryTypeText(type), outcome: outcomeNames[outcome] ?? null, addresses };
}

/** The mnemonic of a DNS record type, or "TYPE" and its number (RFC 3597). */
function queryTypeText(type: number): string {
	return QUERY_TYPES[type] ?? `TYPE${type}`;
}

/** The kind of encrypted DNS that a connection carries, as far as its address, port and name tell. */
export function encryptedDnsOf({ dns, protocol, remote, remotePort, name }: Connection): EncryptedDns | null {
	return dns ? null : encryptedDns(protocol, () => addressText(remote), remotePort, name);
}

/** How the name of a connection became known. */
export function nameSource(connection: Connection): NameSource | null {
	if (connection.name === null) return null;
	return connection.nameFromHello ? "sni" : connection.nameFromRequest ? "http" : "dns";
}

/* IANA "Domain Name System (DNS) Parameters": the types in common use. */
const QUERY_TYPES: Readonly<Record<number, string>> = {
	1: "A",
	2: "NS",
	5: "CNAME",
	6: "SOA",
	12: "PTR",
	15: "MX",
	16: "TXT",
	28: "AAAA",
	33: "SRV",
	35: "NAPTR",
	43: "DS",
	48: "DNSKEY",
	52: "TLSA",
	64: "SVCB",
	65: "HTTPS",
	255: "ANY",
	257: "CAA",
};

/** The printable arguments of a command line, whose arguments end with NUL. */
export function argumentsOf(args: string): string[] {
	return args === "" ? [] : args.replace(/\0+$/, "").split("\0").map(printable);
}

function processView(process: ProcessInfo, uid: number, describe: Describer): ProcessView {
	const exe = describe.exe(process);
	const user = describe.user(uid);
	return {
		pid: process.pid,
		ppid: process.ppid === 0 ? null : process.ppid,
		comm: printable(process.comm),
		exe: exe === null ? null : printable(exe),
		args: argumentsOf(process.args),
		uid,
		user: user === null ? null : printable(user),
		parentComm: process.parentComm === "" ? null : printable(process.parentComm),
	};
}

function decisionsView(decisions: readonly (PhaseDecision | null)[]): Partial<Record<PhaseName, DecisionView>> {
	const result: Partial<Record<PhaseName, DecisionView>> = {};
	for (const decision of decisions) {
		if (decision === null) continue;
		result[phaseNames[decision.phase] ?? phaseNames[PHASE.connect]] = {
			verdict: verdictNames[decision.verdict] ?? "allow",
			reason: reasonNames[decision.reason] ?? "unreadable",
			group: decision.rule?.group ?? null,
			rule: decision.rule?.name ?? null,
			generation: decision.generation,
		};
	}
	return result;
}

function orNull(text: string | null | undefined): string | null {
	return text === null || text === undefined ? null : printable(text);
}
