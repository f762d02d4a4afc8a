/** Records as objects. */
import {
	type AnswerEvent,
	type CgroupEvent,
	type EventHead,
	keptDecision,
	type NamedEvent,
	type ProcessEvent,
	type RequestEvent,
} from "./events.ts";
import { address, comm, hashKey, hostName, kept, readSigned64, readUnsigned64, text } from "./fields.ts";
import type { DecisionInBatch } from "./in-batch.ts";
import { ANSWER, CGROUP, DECISION, HEAD, METHOD_MAX, NAME_MAX, NAMED, PATH_MAX, PROCESS, REQUEST } from "./layout.ts";

export function namedOf(decision: DecisionInBatch): NamedEvent {
	const { batch, view, at } = decision;
	const length = Math.min(view.getUint16(at + DECISION.nameLength, true), NAME_MAX);
	return {
		...keptDecision(decision),
		queryType: view.getUint16(at + NAMED.queryType, true),
		queryId: view.getUint16(at + NAMED.queryId, true),
		flags: view.getUint32(at + NAMED.flags, true),
		name: hostName(batch.toString("latin1", at + NAMED.name, at + NAMED.name + length)),
	};
}

export function requestOf(decision: DecisionInBatch): RequestEvent {
	const { batch, view, at } = decision;
	const nameLength = Math.min(view.getUint16(at + DECISION.nameLength, true), NAME_MAX);
	return {
		...keptDecision(decision),
		flags: view.getUint32(at + REQUEST.flags, true),
		status: view.getUint16(at + REQUEST.status, true),
		name: hostName(batch.toString("latin1", at + REQUEST.name, at + REQUEST.name + nameLength)),
		method: kept(batch, at + REQUEST.method, view.getUint16(at + REQUEST.methodLength, true), METHOD_MAX),
		path: kept(batch, at + REQUEST.path, view.getUint16(at + REQUEST.pathLength, true), PATH_MAX),
	};
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
