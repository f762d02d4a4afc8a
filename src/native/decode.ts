import type {
	AnswerEvent,
	Cursor,
	DecisionEvent,
	EndEvent,
	EventHead,
	EventSink,
	NamedEvent,
	ProcessEvent,
	RequestEvent,
} from "./events.ts";
import {
	ANSWER,
	CGROUP,
	COMM_LENGTH,
	DECISION,
	EVENT,
	eventNames,
	FLOW_END,
	HEAD,
	LAYOUT_VERSION,
	METHOD_MAX,
	NAME_MAX,
	NAMED,
	PATH_MAX,
	PROCESS,
	REQUEST,
	TEXT_MAX,
} from "./layout.ts";

export interface DecodeCounts {
	records: number;
	/** Another version, an unknown type, or a size that does not fit its type. */
	unknown: number;
	/** Bytes at the end of a batch that are no whole record. */
	torn: number;
	readonly byType: number[];
}

export function newDecodeCounts(): DecodeCounts {
	return { records: 0, unknown: 0, torn: 0, byType: new Array<number>(eventNames.length).fill(0) };
}

/** Decodes `length` bytes of `batch`. Returns the number of records. Never throws for what is in the bytes. */
export function decodeBatch(batch: Buffer, length: number, sink: EventSink, counts: DecodeCounts): number {
	const end = Math.min(length, batch.length);
	const view = new DataView(batch.buffer, batch.byteOffset, batch.length);
	const cursor = new BatchCursor(batch);
	let at = 0;
	let records = 0;
	while (at + HEAD.bytes <= end) {
		const size = view.getUint16(at + HEAD.size, true);
		if (size < HEAD.bytes || at + size > end) break;
		const type = view.getUint8(at + HEAD.type);
		if (view.getUint8(at + HEAD.version) !== LAYOUT_VERSION || size < (SIZES[type] ?? Number.POSITIVE_INFINITY))
			counts.unknown++;
		else {
			counts.byType[type] = (counts.byType[type] ?? 0) + 1;
			cursor.at = at;
			dispatch(batch, view, at, type, sink, cursor);
		}
		records++;
		at += (size + 7) & ~7;
	}
	if (at < end) counts.torn += end - at;
	counts.records += records;
	return records;
}

/** 53 bits of a 64-bit hash: the form in which this side keeps name hashes. */
export function hashKey(view: DataView, at: number): number {
	return (view.getUint32(at + 4, true) & 0x1fffff) * 0x1_0000_0000 + view.getUint32(at, true);
}

export function readSigned64(view: DataView, at: number): number {
	return view.getInt32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

export function readUnsigned64(view: DataView, at: number): number {
	return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/** A cookie as this side keeps it, for the kernel. */
export function cookieBits(cookie: number): bigint {
	return BigInt.asUintN(64, BigInt(cookie));
}

const SIZES: readonly (number | undefined)[] = [
	undefined,
	DECISION.bytes,
	NAMED.bytes,
	NAMED.bytes,
	ANSWER.bytes,
	FLOW_END.bytes,
	PROCESS.bytes,
	CGROUP.bytes,
	REQUEST.bytes,
];

function dispatch(batch: Buffer, view: DataView, at: number, type: number, sink: EventSink, cursor: Cursor): void {
	switch (type) {
		case EVENT.connect:
			sink.decision(new Decision(batch, view, at), cursor);
			break;
		case EVENT.question:
		case EVENT.hello:
			sink.named(new Named(batch, view, at), cursor);
			break;
		case EVENT.request:
			sink.request(new Request(batch, view, at), cursor);
			break;
		case EVENT.answer:
			sink.answer(answer(batch, view, at), cursor);
			break;
		case EVENT.end:
			sink.end(new End(batch, view, at));
			break;
		case EVENT.process:
			sink.process(processOf(batch, view, at));
			break;
		case EVENT.cgroup:
			sink.cgroup({
				...head(view, at),
				flags: view.getUint32(at + CGROUP.flags, true),
				path: text(batch, at + CGROUP.path, view.getUint16(at + CGROUP.pathLength, true)),
			});
			break;
	}
}

class Decision implements DecisionEvent {
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

class Named extends Decision implements NamedEvent {
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

class Request extends Decision implements RequestEvent {
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

function kept(batch: Buffer, at: number, length: number, most: number): string {
	return length <= most ? batch.toString("latin1", at, at + length) : `${batch.toString("latin1", at, at + most)}...`;
}

class End implements EndEvent {
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

function answer(batch: Buffer, view: DataView, at: number): AnswerEvent {
	return {
		...head(view, at),
		nameHash: hashKey(view, at + ANSWER.nameHash),
		ttl: view.getUint32(at + ANSWER.ttl, true),
		flags: view.getUint32(at + ANSWER.flags, true),
		address: address(batch, at + ANSWER.address),
		resolver: address(batch, at + ANSWER.resolver),
	};
}

function processOf(batch: Buffer, view: DataView, at: number): ProcessEvent {
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

class BatchCursor implements Cursor {
	readonly batch: Buffer;
	at = 0;

	constructor(batch: Buffer) {
		this.batch = batch;
	}

	comm(): string {
		return comm(this.batch, this.at + DECISION.comm);
	}

	nameHash(): Buffer {
		const offset = this.at + (this.batch[this.at + HEAD.type] === EVENT.answer ? ANSWER.nameHash : DECISION.nameHash);
		return Buffer.from(this.batch.subarray(offset, offset + 8));
	}
}

/* 35 ns; toString("latin1") takes 100. */
function address(b: Buffer, at: number): string {
	return String.fromCharCode(
		b[at] as number,
		b[at + 1] as number,
		b[at + 2] as number,
		b[at + 3] as number,
		b[at + 4] as number,
		b[at + 5] as number,
		b[at + 6] as number,
		b[at + 7] as number,
		b[at + 8] as number,
		b[at + 9] as number,
		b[at + 10] as number,
		b[at + 11] as number,
		b[at + 12] as number,
		b[at + 13] as number,
		b[at + 14] as number,
		b[at + 15] as number,
	);
}

function comm(batch: Buffer, at: number): string {
	let end = 0;
	while (end < COMM_LENGTH && batch[at + end] !== 0) end++;
	return batch.toString("utf8", at, at + end);
}

function text(batch: Buffer, at: number, length: number): string {
	return batch.toString("utf8", at, at + Math.min(length, TEXT_MAX));
}

function hostName(raw: string): string {
	const name = raw.endsWith(".") ? raw.slice(0, -1) : raw;
	return UPPER.test(name) ? name.replace(UPPER_ALL, (letters) => letters.toLowerCase()) : name;
}

/* Only ASCII: the other bytes are not letters here. */
const UPPER = /[A-Z]/;
const UPPER_ALL = /[A-Z]+/g;
