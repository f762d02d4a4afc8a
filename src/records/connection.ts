import type { CgroupInfo } from "../identity/cgroup-table.ts";
import type { ProcessInfo } from "../identity/process-table.ts";
import { PHASE, PHASES, VERDICT } from "../native/layout.ts";

export interface RuleRef {
	readonly group: string;
	readonly name: string;
}

/** The last decision of one phase. */
export interface PhaseDecision {
	readonly phase: number;
	readonly verdict: number;
	readonly reason: number;
	readonly rule: RuleRef | null;
	readonly generation: number;
}

/** A cleartext HTTP request as sent, in latin1. */
export interface HttpRequest {
	readonly method: string;
	/** From Host or the request target, in lower case without the port; "": there is none. */
	readonly host: string;
	/** With the query string. */
	readonly path: string;
	/** Status of the response; 0: not known. */
	readonly status: number;
}

/**
 * A connection or a DNS question as the table keeps it: numbers and short strings, from which view.ts makes texts when they are
 * needed. All fields are set by the constructor, so that all records have one hidden class.
 */
export class Connection {
	readonly id: number;
	readonly cookie: number;
	/** A DNS question: protocol, remote and port are the resolver's. */
	readonly dns: boolean;
	/** Wall clock [ms]. */
	readonly first: number;
	/** Wall clock [ms]. */
	last: number;
	process: ProcessInfo | null;
	uid: number;
	cgroup: CgroupInfo | null;
	readonly protocol: number;
	/** Packed (../base/address.ts). */
	readonly remote: string;
	readonly remotePort: number;
	/** Packed address. */
	local: string;
	localPort: number;
	name: string | null = null;
	nameFromHello = false;
	/** The name is the host of the last HTTP request. */
	nameFromRequest = false;
	/** 53 bits of the name's hash; 0: there is no name. */
	nameKey = 0;
	readonly decisions: [PhaseDecision | null, PhaseDecision | null, PhaseDecision | null, PhaseDecision | null] = [
		null,
		null,
		null,
		null,
	];
	/** The decision that the record shows: the most severe; among equals dns for a DNS question, else the latest phase. */
	deciding: PhaseDecision | null = null;
	alerts: RuleRef[] | null = null;
	bytesOut = 0;
	bytesIn = 0;
	packetsOut = 0;
	packetsIn = 0;
	/** [µs] Smoothed round-trip time of TCP; 0: not measured. */
	rttUs = 0;
	retransmits = 0;
	/** enum sp_end_how; 0: still open. */
	end = 0;
	ended = false;
	/** The ClientHello was encrypted (ECH). */
	ech = false;
	/** The last one. */
	request: HttpRequest | null = null;
	requests = 0;
	/** DNS record type of a question. */
	queryType = 0;
	/** OUTCOME of a question; 0: it was not sent, or this is a connection. */
	outcome = 0;
	/** Packed addresses of the answers to a question. */
	addresses: string[] | null = null;
	/** Cookie of the network namespace; 0: unknown. */
	netns = 0;
	/** Monotonic clock [ns] until which the learned names need not be read for this connection. */
	learnedUntil = 0;
	/** Watchers have been called for the denial. A decision that allows the connection clears it. */
	denialReported = false;
	/** Denials of the same kind that this record stands for, the first included; 1 unless it was denied. */
	count = 1;
	/** The record in which this denial is counted. This one is shown to nobody. */
	countedIn: Connection | null = null;
	/** A stream or the history has this record. */
	shown = false;

	constructor(start: {
		readonly id: number;
		readonly cookie: number;
		readonly dns: boolean;
		readonly first: number;
		readonly process: ProcessInfo | null;
		readonly uid: number;
		readonly cgroup: CgroupInfo | null;
		readonly protocol: number;
		readonly remote: string;
		readonly remotePort: number;
		readonly local: string;
		readonly localPort: number;
	}) {
		this.id = start.id;
		this.cookie = start.cookie;
		this.dns = start.dns;
		this.first = start.first;
		this.last = start.first;
		this.process = start.process;
		this.uid = start.uid;
		this.cgroup = start.cgroup;
		this.protocol = start.protocol;
		this.remote = start.remote;
		this.remotePort = start.remotePort;
		this.local = start.local;
		this.localPort = start.localPort;
	}

	get verdict(): number {
		return this.deciding?.verdict ?? VERDICT.allow;
	}

	/** Replaces the decision of a phase. */
	decide(decision: PhaseDecision): void {
		this.decisions[decision.phase % PHASES] = decision;
		let deciding: PhaseDecision | null = null;
		for (const each of this.decisions) {
			if (each !== null && (deciding === null || severity(each.verdict) >= severity(deciding.verdict))) deciding = each;
		}
		const own = this.dns ? this.decisions[PHASE.dns] : null;
		this.deciding = own !== null && severity(own.verdict) === severity(deciding?.verdict ?? 0) ? own : deciding;
	}

	/** Takes over the decisions and alerts of the flow that carries this DNS question. */
	adopt(flow: Connection): void {
		for (const decision of flow.decisions) if (decision !== null) this.decide(decision);
		for (const rule of flow.alerts ?? []) this.alert(rule);
	}

	/** Adds an alert rule that matched, unless it is there or there are ALERTS_MAX. */
	alert(rule: RuleRef): void {
		this.alerts ??= [];
		if (!this.alerts.includes(rule) && this.alerts.length < ALERTS_MAX) this.alerts.push(rule);
	}
}

/** Alert rules of one connection. */
const ALERTS_MAX = 8;

function severity(verdict: number): number {
	return verdict === VERDICT.deny ? 2 : verdict === VERDICT.wouldDeny ? 1 : 0;
}
