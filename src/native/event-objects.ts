/** The less frequent events as objects: copies that stay valid when the batch is overwritten. */
import { type DecisionInBatch, type EventHead, keptDecision } from "./event-views.ts";
import { address, comm, cutText, hashKey, hostName, readSigned64, readUnsigned64, text } from "./fields.ts";
import { ANSWER, CGROUP, DECISION, HEAD, METHOD_MAX, NAME_MAX, NAMED, PATH_MAX, PROCESS, REQUEST } from "./layout.ts";

/** A DNS question or a TLS ClientHello. */
export type NamedEvent = Readonly<ReturnType<typeof namedOf>>;
/** An HTTP request in cleartext, or its response. */
export type RequestEvent = Readonly<ReturnType<typeof requestOf>>;
/** An address of a DNS answer. */
export type AnswerEvent = Readonly<ReturnType<typeof answerOf>>;
export type ProcessEvent = Readonly<ReturnType<typeof processOf>>;
export type CgroupEvent = Readonly<ReturnType<typeof cgroupOf>>;

/** The event that `decision` points to, of type question or hello. */
export function namedOf(decision: DecisionInBatch) {
	const { batch, view, at } = decision;
	const length = Math.min(view.getUint16(at + DECISION.nameLength, true), NAME_MAX);
	return {
		...keptDecision(decision),
		/** DNS QTYPE; 0 in a hello. */
		queryType: view.getUint16(at + NAMED.queryType, true),
		queryId: view.getUint16(at + NAMED.queryId, true),
		/** HELLO_FLAG. */
		flags: view.getUint32(at + NAMED.flags, true),
		/** Lower case, as latin1: each byte is a character. */
		name: hostName(batch.toString("latin1", at + NAMED.name, at + NAMED.name + length)),
	};
}

/** The event that `decision` points to, of type request. */
export function requestOf(decision: DecisionInBatch) {
	const { batch, view, at } = decision;
	const nameLength = Math.min(view.getUint16(at + DECISION.nameLength, true), NAME_MAX);
	return {
		...keptDecision(decision),
		/** REQUEST_FLAG. */
		flags: view.getUint32(at + REQUEST.flags, true),
		/** Status of the response; 0: the event is a request. */
		status: view.getUint16(at + REQUEST.status, true),
		/** Lower case, as latin1; "" if there is none. */
		name: hostName(batch.toString("latin1", at + REQUEST.name, at + REQUEST.name + nameLength)),
		/** As sent, as latin1; ends in "..." if it was cut. */
		method: cutText(batch, at + REQUEST.method, view.getUint16(at + REQUEST.methodLength, true), METHOD_MAX),
		/** With the query, as `method`. */
		path: cutText(batch, at + REQUEST.path, view.getUint16(at + REQUEST.pathLength, true), PATH_MAX),
	};
}

/** The event at `at`, of type answer. */
export function answerOf(batch: Buffer, view: DataView, at: number) {
	return {
		...head(view, at),
		/** Hash of the queried name (hashKey). */
		nameHash: hashKey(view, at + ANSWER.nameHash),
		/** Cookie of the network namespace for which the address is learned. */
		netns: readUnsigned64(view, at + ANSWER.netns),
		/** TTL of the answer [s]. */
		ttl: view.getUint32(at + ANSWER.ttl, true),
		/** ANSWER_FLAG. */
		flags: view.getUint32(at + ANSWER.flags, true),
		/** Packed (src/base/address.ts); unspecified in an answer without an address. */
		address: address(batch, at + ANSWER.address),
		/** Packed address. */
		resolver: address(batch, at + ANSWER.resolver),
		queryType: view.getUint16(at + ANSWER.queryType, true),
		/** OUTCOME. */
		outcome: view.getUint8(at + ANSWER.outcome),
	};
}

/** The event at `at`, of type process. */
export function processOf(batch: Buffer, view: DataView, at: number) {
	return {
		...head(view, at),
		ppid: view.getUint32(at + PROCESS.ppid, true),
		uid: view.getUint32(at + PROCESS.uid, true),
		gid: view.getUint32(at + PROCESS.gid, true),
		/** (major << 20) | minor of the executable's file system. */
		dev: view.getUint32(at + PROCESS.dev, true),
		inode: readUnsigned64(view, at + PROCESS.inode),
		comm: comm(batch, at + PROCESS.comm),
		parentComm: comm(batch, at + PROCESS.parentComm),
		/** Leaf first, as the kernel walks it: "curl/bin/usr/". */
		path: text(batch, at + PROCESS.path, view.getUint16(at + PROCESS.pathLength, true)),
		/** NUL between arguments. */
		args: text(batch, at + PROCESS.args, view.getUint16(at + PROCESS.argsLength, true)),
		flags: view.getUint32(at + PROCESS.flags, true),
	};
}

/** The event at `at`, of type cgroup. */
export function cgroupOf(batch: Buffer, view: DataView, at: number) {
	return {
		...head(view, at),
		flags: view.getUint32(at + CGROUP.flags, true),
		/** Root first, with a slash at the end. */
		path: text(batch, at + CGROUP.path, view.getUint16(at + CGROUP.pathLength, true)),
		/** The part of the path whose names can be a unit or a container. */
		named: text(batch, at + CGROUP.path, view.getUint16(at + CGROUP.namedLength, true)),
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
