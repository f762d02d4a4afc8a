/**
 * Generated from the BTF of the BPF object by `npm run build`. Do not edit. The sources are bpf/wire/layout.h, the
 * headers that it includes, and scripts/layout/.
 */
import { address, hashKey, readSigned64, readUnsigned64 } from "./fields.ts";
import { DECISION, FLOW_END, HEAD } from "./layout.ts";

/** Fields of all events. */
export interface EventHead {
	/** EVENT. */
	readonly type: number;
	readonly tgid: number;
	/** CLOCK_MONOTONIC [ns]. */
	readonly time: number;
	/** Of the socket; 0: none. */
	readonly cookie: number;
	/** CLOCK_BOOTTIME at which the process started [ns]. */
	readonly start: number;
	/** kernfs id; 0: unknown. */
	readonly cgroupId: number;
}

export interface DecisionEvent extends EventHead {
	readonly uid: number;
	readonly generation: number;
	/** Index of the rule that decided, or NO_RULE. */
	readonly rule: number;
	/** Index of the first alert rule that matched, or NO_RULE. */
	readonly alert: number;
	readonly phase: number;
	readonly verdict: number;
	readonly reason: number;
	readonly hook: number;
	/** Packed address (src/base/address.ts). */
	readonly remote: string;
	/** Packed address. */
	readonly local: string;
	readonly remotePort: number;
	readonly localPort: number;
	readonly protocol: number;
	/** 53 bits of the hash (hashKey in fields.ts); 0: no name. */
	readonly nameHash: number;
	/** Cookie of the socket's network namespace. */
	readonly netns: number;
}

/** A copy that stays valid when the batch is overwritten. */
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

/** The event at offset `at` of the batch. One object serves a whole batch, and is valid until `at` moves. */
export class DecisionInBatch implements DecisionEvent {
	readonly batch: Buffer;
	readonly view: DataView;
	at = 0;

	constructor(batch: Buffer, view: DataView) {
		this.batch = batch;
		this.view = view;
	}

	get type(): number {
		return this.view.getUint8(this.at + HEAD.type);
	}

	get tgid(): number {
		return this.view.getUint32(this.at + HEAD.tgid, true);
	}

	get time(): number {
		return readUnsigned64(this.view, this.at + HEAD.time);
	}

	get cookie(): number {
		return readSigned64(this.view, this.at + HEAD.cookie);
	}

	get start(): number {
		return readUnsigned64(this.view, this.at + HEAD.start);
	}

	get cgroupId(): number {
		return readUnsigned64(this.view, this.at + HEAD.cgroup);
	}

	get uid(): number {
		return this.view.getUint32(this.at + DECISION.uid, true);
	}

	get generation(): number {
		return this.view.getUint32(this.at + DECISION.generation, true);
	}

	get rule(): number {
		return this.view.getUint16(this.at + DECISION.rule, true);
	}

	get alert(): number {
		return this.view.getUint16(this.at + DECISION.alert, true);
	}

	get phase(): number {
		return this.view.getUint8(this.at + DECISION.phase);
	}

	get verdict(): number {
		return this.view.getUint8(this.at + DECISION.verdict);
	}

	get reason(): number {
		return this.view.getUint8(this.at + DECISION.reason);
	}

	get hook(): number {
		return this.view.getUint8(this.at + DECISION.hook);
	}

	get remote(): string {
		return address(this.batch, this.at + DECISION.remote);
	}

	get local(): string {
		return address(this.batch, this.at + DECISION.local);
	}

	get remotePort(): number {
		return this.view.getUint16(this.at + DECISION.remotePort, true);
	}

	get localPort(): number {
		return this.view.getUint16(this.at + DECISION.localPort, true);
	}

	get protocol(): number {
		return this.view.getUint8(this.at + DECISION.protocol);
	}

	get nameHash(): number {
		return hashKey(this.view, this.at + DECISION.nameHash);
	}

	get netns(): number {
		return readUnsigned64(this.view, this.at + DECISION.netns);
	}
}

export interface EndEvent extends EventHead {
	/** Payload [bytes]. */
	readonly bytesOut: number;
	readonly bytesIn: number;
	/** Segments or datagrams. */
	readonly packetsOut: number;
	readonly packetsIn: number;
	/** Packed address (src/base/address.ts). */
	readonly remote: string;
	/** Packed address. */
	readonly local: string;
	readonly remotePort: number;
	readonly localPort: number;
	readonly protocol: number;
	/** END. */
	readonly how: number;
	/** Smoothed round-trip time [us]; 0: unknown. */
	readonly rttUs: number;
	readonly retransmits: number;
}

/** The event at offset `at` of the batch. One object serves a whole batch, and is valid until `at` moves. */
export class EndInBatch implements EndEvent {
	readonly batch: Buffer;
	readonly view: DataView;
	at = 0;

	constructor(batch: Buffer, view: DataView) {
		this.batch = batch;
		this.view = view;
	}

	get type(): number {
		return this.view.getUint8(this.at + HEAD.type);
	}

	get tgid(): number {
		return this.view.getUint32(this.at + HEAD.tgid, true);
	}

	get time(): number {
		return readUnsigned64(this.view, this.at + HEAD.time);
	}

	get cookie(): number {
		return readSigned64(this.view, this.at + HEAD.cookie);
	}

	get start(): number {
		return readUnsigned64(this.view, this.at + HEAD.start);
	}

	get cgroupId(): number {
		return readUnsigned64(this.view, this.at + HEAD.cgroup);
	}

	get bytesOut(): number {
		return readUnsigned64(this.view, this.at + FLOW_END.bytesOut);
	}

	get bytesIn(): number {
		return readUnsigned64(this.view, this.at + FLOW_END.bytesIn);
	}

	get packetsOut(): number {
		return readUnsigned64(this.view, this.at + FLOW_END.packetsOut);
	}

	get packetsIn(): number {
		return readUnsigned64(this.view, this.at + FLOW_END.packetsIn);
	}

	get remote(): string {
		return address(this.batch, this.at + FLOW_END.remote);
	}

	get local(): string {
		return address(this.batch, this.at + FLOW_END.local);
	}

	get remotePort(): number {
		return this.view.getUint16(this.at + FLOW_END.remotePort, true);
	}

	get localPort(): number {
		return this.view.getUint16(this.at + FLOW_END.localPort, true);
	}

	get protocol(): number {
		return this.view.getUint8(this.at + FLOW_END.protocol);
	}

	get how(): number {
		return this.view.getUint8(this.at + FLOW_END.how);
	}

	get rttUs(): number {
		return this.view.getUint32(this.at + FLOW_END.rttUs, true);
	}

	get retransmits(): number {
		return this.view.getUint32(this.at + FLOW_END.retransmits, true);
	}
}
