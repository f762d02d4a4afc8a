/**
 * What the ring's records become: numbers and short strings. The batch will be overwritten by the addon: decisions and ends, of which there
 * are most, are read where they stand and valid only during the call that hands them over (keptDecision keeps one); the others are copies.
 *
 * 64-bit numbers become doubles. Cookies are read as signed, which keeps both of the kernel's counters (one upwards from
 * 0, one downwards from 2^64) exact; times lose nanoseconds after 104 days, which nobody sees; of hashes 53 bits are
 * kept, enough for a key of a Map.
 */
export interface EventSink {
	decision(event: DecisionEvent, at: Cursor): void;
	named(event: NamedEvent, at: Cursor): void;
	request(event: RequestEvent, at: Cursor): void;
	answer(event: AnswerEvent, at: Cursor): void;
	end(event: EndEvent): void;
	process(event: ProcessEvent): void;
	cgroup(event: CgroupEvent): void;
}

/** What most receivers do not need and is dear to decode. Valid only during the call that hands it over. */
export interface Cursor {
	/** comm of the task, of a decision. */
	comm(): string;
	/** The 8 bytes of the name's hash, of a decision or an answer. */
	nameHash(): Buffer;
}

export interface EventHead {
	readonly type: number;
	readonly tgid: number;
	/** CLOCK_MONOTONIC, ns. */
	readonly time: number;
	readonly cookie: number;
	readonly start: number;
	readonly cgroupId: number;
}

export interface DecisionEvent extends EventHead {
	readonly uid: number;
	readonly generation: number;
	readonly rule: number;
	readonly alert: number;
	readonly phase: number;
	readonly verdict: number;
	readonly reason: number;
	readonly hook: number;
	/** Packed (src/base/address.ts). */
	readonly remote: string;
	readonly local: string;
	readonly remotePort: number;
	readonly localPort: number;
	readonly protocol: number;
	readonly nameHash: number;
	readonly netns: number;
}

/** As it is now, for later. */
export function keptDecision(event: DecisionEvent): DecisionEvent {
	return {
		type: event.type,
		tgid: event.tgid,
		time: event.time,
		cookie: event.cookie,
		start: event.start,
		cgroupId: event.cgroupId,
		uid: event.uid,
		generation: event.generation,
		rule: event.rule,
		alert: event.alert,
		phase: event.phase,
		verdict: event.verdict,
		reason: event.reason,
		hook: event.hook,
		remote: event.remote,
		local: event.local,
		remotePort: event.remotePort,
		localPort: event.localPort,
		protocol: event.protocol,
		nameHash: event.nameHash,
		netns: event.netns,
	};
}

export interface NamedEvent extends DecisionEvent {
	readonly queryType: number;
	readonly queryId: number;
	readonly flags: number;
	/** Lower case, as latin1: every byte is one character. */
	readonly name: string;
}

/** An HTTP request in cleartext, or its answer. */
export interface RequestEvent extends DecisionEvent {
	/** enum sp_request_flag. */
	readonly flags: number;
	/** Of the answer; 0: the request itself. */
	readonly status: number;
	/** Lower case, as latin1; "" if there is none. */
	readonly name: string;
	/** As sent, as latin1; "..." stands at the end of what was too long to be kept. */
	readonly method: string;
	/** With the query. */
	readonly path: string;
}

export interface AnswerEvent extends EventHead {
	readonly nameHash: number;
	readonly ttl: number;
	readonly flags: number;
	readonly address: string;
	readonly resolver: string;
}

export interface EndEvent extends EventHead {
	readonly bytesOut: number;
	readonly bytesIn: number;
	readonly packetsOut: number;
	readonly packetsIn: number;
	readonly remote: string;
	readonly local: string;
	readonly remotePort: number;
	readonly localPort: number;
	readonly protocol: number;
	readonly how: number;
	readonly rttUs: number;
	readonly retransmits: number;
}

export interface ProcessEvent extends EventHead {
	readonly ppid: number;
	readonly uid: number;
	readonly gid: number;
	readonly device: number;
	readonly inode: number;
	readonly comm: string;
	readonly parentComm: string;
	/** Leaf first, as the kernel writes it. */
	readonly path: string;
	/** NUL between arguments. */
	readonly args: string;
	readonly flags: number;
}

export interface CgroupEvent extends EventHead {
	/** Root first, with a slash at the end. */
	readonly path: string;
	readonly flags: number;
}
