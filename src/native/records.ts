/** Records as objects. */
import type {
	AnswerEvent,
	CgroupEvent,
	DecisionEvent,
	EndEvent,
	EventHead,
	NamedEvent,
	ProcessEvent,
	RequestEvent,
} from "./events.ts";
import { address, comm, hashKey, hostName, kept, readSigned64, readUnsigned64, text } from "./fields.ts";
import {
	ANSWER,
	CGROUP,
	DECISION,
	EVENT,
	FLOW_END,
	HEAD,
	METHOD_MAX,
	NAME_MAX,
	NAMED,
	PATH_MAX,
	PROCESS,
	REQUEST,
} from "./layout.ts";

export class Decision implements DecisionEvent {
	readonly type: number;
	readonly tgid: number;
	readonly time: number;
	readonly cookie: number;
	readonly start: number;
	readonly cgroupId: number;
	readonly uid: number;
	readonly generation: number;
	readonly rule: number;
	readonly alert: number;
	readonly phase: number;
	readonly verdict: number;
	readonly reason: number;
	readonly hook: number;
	readonly remote: string;
	readonly local: string;
	readonly remotePort: number;
	readonly localPort: number;
	readonly protocol: number;
	readonly nameHash: number;
	readonly netns: number;

	constructor(batch: Buffer, view: DataView, at: number) {
		this.type = view.getUint8(at + HEAD.type);
		this.tgid = view.getUint32(at + HEAD.tgid, true);
		this.time = readUnsigned64(view, at + HEAD.time);
		this.cookie = readSigned64(view, at + HEAD.cookie);
		this.start = readUnsigned64(view, at + HEAD.start);
		this.cgroupId = readUnsigned64(view, at + HEAD.cgroup);
		this.uid = view.getUint32(at + DECISION.uid, true);
		this.generation = view.getUint32(at + DECISION.generation, true);
		this.rule = view.getUint16(at + DECISION.rule, true);
		this.alert = view.getUint16(at + DECISION.alert, true);
		this.phase = view.getUint8(at + DECISION.phase);
		this.verdict = view.getUint8(at + DECISION.verdict);
		this.reason = view.getUint8(at + DECISION.reason);
		this.hook = view.getUint8(at + DECISION.hook);
		this.remote = address(batch, at + DECISION.remote);
		this.local = address(batch, at + DECISION.local);
		this.remotePort = view.getUint16(at + DECISION.remotePort, true);
		this.localPort = view.getUint16(at + DECISION.localPort, true);
		this.protocol = view.getUint8(at + DECISION.protocol);
		this.nameHash = hashKey(view, at + DECISION.nameHash);
		this.netns = readUnsigned64(view, at + DECISION.netns);
	}
}

export class Named extends Decision implements NamedEvent {
	readonly queryType: number;
	readonly queryId: number;
	readonly flags: number;
	readonly name: string;

	constructor(batch: Buffer, view: DataView, at: number) {
		super(batch, view, at);
		this.queryType = view.getUint16(at + NAMED.queryType, true);
		this.queryId = view.getUint16(at + NAMED.queryId, true);
		this.flags = view.getUint32(at + NAMED.flags, true);
		const length = Math.min(view.getUint16(at + DECISION.nameLength, true), NAME_MAX);
		this.name = hostName(batch.toString("latin1", at + NAMED.name, at + NAMED.name + length));
	}
}

export class Request extends Decision implements RequestEvent {
	readonly flags: number;
	readonly status: number;
	readonly name: string;
	readonly method: string;
	readonly path: string;

	constructor(batch: Buffer, view: DataView, at: number) {
		super(batch, view, at);
		this.flags = view.getUint32(at + REQUEST.flags, true);
		this.status = view.getUint16(at + REQUEST.status, true);
		const nameLength = Math.min(view.getUint16(at + DECISION.nameLength, true), NAME_MAX);
		this.name = hostName(batch.toString("latin1", at + REQUEST.name, at + REQUEST.name + nameLength));
		this.method = kept(batch, at + REQUEST.method, view.getUint16(at + REQUEST.methodLength, true), METHOD_MAX);
		this.path = kept(batch, at + REQUEST.path, view.getUint16(at + REQUEST.pathLength, true), PATH_MAX);
	}
}

export class End implements EndEvent {
	readonly type: number;
	readonly tgid: number;
	readonly time: number;
	readonly cookie: number;
	readonly start: number;
	readonly cgroupId: number;
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

	constructor(batch: Buffer, view: DataView, at: number) {
		this.type = EVENT.end;
		this.tgid = view.getUint32(at + HEAD.tgid, true);
		this.time = readUnsigned64(view, at + HEAD.time);
		this.cookie = readSigned64(view, at + HEAD.cookie);
		this.start = readUnsigned64(view, at + HEAD.start);
		this.cgroupId = readUnsigned64(view, at + HEAD.cgroup);
		this.bytesOut = readUnsigned64(view, at + FLOW_END.bytesOut);
		this.bytesIn = readUnsigned64(view, at + FLOW_END.bytesIn);
		this.packetsOut = readUnsigned64(view, at + FLOW_END.packetsOut);
		this.packetsIn = readUnsigned64(view, at + FLOW_END.packetsIn);
		this.remote = address(batch, at + FLOW_END.remote);
		this.local = address(batch, at + FLOW_END.local);
		this.remotePort = view.getUint16(at + FLOW_END.remotePort, true);
		this.localPort = view.getUint16(at + FLOW_END.localPort, true);
		this.protocol = view.getUint8(at + FLOW_END.protocol);
		this.how = view.getUint8(at + FLOW_END.how);
		this.rttUs = view.getUint32(at + FLOW_END.rtt, true);
		this.retransmits = view.getUint32(at + FLOW_END.retransmits, true);
	}
}

function head(view: DataView, at: number): EventHead {
	return {
		type: view.getUint8(at + HEAD.type),
		tgid: view.getUint32(at + HEAD.tgid, true),
		time: readUnsigned64(view, at + HEAD.time),
		cookie: readSigned64(view, at + HEAD.cookie),
		start: readUnsigned64(view, at + HEAD.start),
		cgroupId: readUnsigned64(view, at + HEAD.cgroup),
	};
}

export function answerOf(batch: Buffer, view: DataView, at: number): AnswerEvent {
	return {
		...head(view, at),
		nameHash: hashKey(view, at + ANSWER.nameHash),
		ttl: view.getUint32(at + ANSWER.ttl, true),
		flags: view.getUint32(at + ANSWER.flags, true),
		address: address(batch, at + ANSWER.address),
		resolver: address(batch, at + ANSWER.resolver),
	};
}

export function processOf(batch: Buffer, view: DataView, at: number): ProcessEvent {
	return {
		...head(view, at),
		ppid: view.getUint32(at + PROCESS.ppid, true),
		uid: view.getUint32(at + PROCESS.uid, true),
		gid: view.getUint32(at + PROCESS.gid, true),
		device: view.getUint32(at + PROCESS.device, true),
		inode: readUnsigned64(view, at + PROCESS.inode),
		comm: comm(batch, at + PROCESS.comm),
		parentComm: comm(batch, at + PROCESS.parentComm),
		path: text(batch, at + PROCESS.path, view.getUint16(at + PROCESS.pathLength, true)),
		args: text(batch, at + PROCESS.args, view.getUint16(at + PROCESS.argsLength, true)),
		flags: view.getUint32(at + PROCESS.flags, true),
	};
}

export function cgroupOf(batch: Buffer, view: DataView, at: number): CgroupEvent {
	return {
		...head(view, at),
		flags: view.getUint32(at + CGROUP.flags, true),
		path: text(batch, at + CGROUP.path, view.getUint16(at + CGROUP.pathLength, true)),
	};
}
