/** The two events of which there are most, read where they stand: most fields of most of them are wanted once or never. */
import type { DecisionEvent, EndEvent } from "./events.ts";
import { address, hashKey, readSigned64, readUnsigned64 } from "./fields.ts";
import { DECISION, EVENT, FLOW_END, HEAD } from "./layout.ts";

/** One for a whole batch, moved along. */
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

export class EndInBatch implements EndEvent {
	readonly batch: Buffer;
	readonly view: DataView;
	at = 0;

	constructor(batch: Buffer, view: DataView) {
		this.batch = batch;
		this.view = view;
	}

	get type(): number {
		return EVENT.end;
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
		return this.view.getUint32(this.at + FLOW_END.rtt, true);
	}

	get retransmits(): number {
		return this.view.getUint32(this.at + FLOW_END.retransmits, true);
	}
}
