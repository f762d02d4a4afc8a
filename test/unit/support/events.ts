/** Events as the kernel writes them. Offsets come from layout.ts, which test/bpf compares with the BTF. */
import { packAddress } from "../../../src/base/address.ts";
import {
	ANSWER,
	CGROUP,
	DECISION,
	EVENT,
	FLOW_END,
	HEAD,
	HOOK,
	LAYOUT_VERSION,
	NAMED,
	NO_RULE,
	OUTCOME,
	PHASE,
	PROCESS,
	PROTOCOL,
	REASON,
	REQUEST,
	VERDICT,
} from "../../../src/native/layout.ts";

export interface HeadFields {
	readonly time?: number;
	readonly cookie?: bigint;
	readonly tgid?: number;
	readonly start?: number;
	readonly cgroup?: number;
}

export interface DecisionFields extends HeadFields {
	readonly uid?: number;
	readonly generation?: number;
	readonly rule?: number;
	readonly alert?: number;
	readonly phase?: number;
	readonly verdict?: number;
	readonly reason?: number;
	readonly hook?: number;
	readonly remote?: string;
	readonly local?: string;
	readonly remotePort?: number;
	readonly localPort?: number;
	readonly protocol?: number;
	readonly nameHash?: bigint;
	readonly netns?: number;
	readonly comm?: string;
}

export function connect(fields: DecisionFields = {}): Buffer {
	return decision(EVENT.connect, DECISION.bytes, { phase: PHASE.connect, hook: HOOK.connect, ...fields });
}

export function hello(name: string, fields: DecisionFields = {}): Buffer {
	return named(EVENT.hello, name, 0, { phase: PHASE.tls, hook: HOOK.egress, ...fields });
}

export function question(name: string, type: number, fields: DecisionFields = {}): Buffer {
	return named(EVENT.question, name, type, {
		phase: PHASE.dns,
		hook: HOOK.egress,
		protocol: PROTOCOL.udp,
		remote: "10.0.0.2",
		remotePort: 53,
		...fields,
	});
}

export function request(
	asked: {
		readonly method?: string;
		readonly host?: string;
		readonly path?: string;
		readonly status?: number;
		readonly flags?: number;
	},
	fields: DecisionFields = {},
): Buffer {
	const { method = "GET", host = "", path = "/", status = 0, flags = 0 } = asked;
	const record = decision(EVENT.request, REQUEST.bytes, { phase: PHASE.http, hook: HOOK.egress, ...fields });
	record.writeUInt32LE(flags, REQUEST.flags);
	record.writeUInt16LE(status, REQUEST.status);
	for (const [text, lengthAt, at, most] of [
		[method, REQUEST.methodLength, REQUEST.method, 16],
		[path, REQUEST.pathLength, REQUEST.path, 256],
		[host, DECISION.nameLength, REQUEST.name, 256],
	] as const) {
		record.writeUInt16LE(text.length, lengthAt);
		record.write(text.slice(0, most), at, "latin1");
	}
	return record;
}

export function answer(
	address: string,
	fields: HeadFields & {
		readonly nameHash?: bigint;
		readonly ttl?: number;
		readonly flags?: number;
		readonly queryType?: number;
		readonly outcome?: number;
	} = {},
): Buffer {
	const record = head(EVENT.answer, ANSWER.bytes, fields);
	record.writeBigUInt64LE(fields.nameHash ?? 0n, ANSWER.nameHash);
	record.writeUInt32LE(fields.ttl ?? 60, ANSWER.ttl);
	record.writeUInt32LE(fields.flags ?? 0, ANSWER.flags);
	putAddress(record, ANSWER.address, address);
	putAddress(record, ANSWER.resolver, "10.0.0.2");
	record.writeUInt16LE(fields.queryType ?? (address.includes(":") ? 28 : 1), ANSWER.queryType);
	record.writeUInt8(fields.outcome ?? OUTCOME.answered, ANSWER.outcome);
	return record;
}

export function end(
	how: number,
	fields: DecisionFields & {
		readonly bytesOut?: bigint;
		readonly bytesIn?: bigint;
		readonly packetsOut?: bigint;
		readonly packetsIn?: bigint;
	} = {},
): Buffer {
	const record = head(EVENT.end, FLOW_END.bytes, fields);
	record.writeBigUInt64LE(fields.bytesOut ?? 0n, FLOW_END.bytesOut);
	record.writeBigUInt64LE(fields.bytesIn ?? 0n, FLOW_END.bytesIn);
	record.writeBigUInt64LE(fields.packetsOut ?? 0n, FLOW_END.packetsOut);
	record.writeBigUInt64LE(fields.packetsIn ?? 0n, FLOW_END.packetsIn);
	putAddress(record, FLOW_END.remote, fields.remote ?? "192.0.2.1");
	putAddress(record, FLOW_END.local, fields.local ?? "10.0.0.1");
	record.writeUInt16LE(fields.remotePort ?? 443, FLOW_END.remotePort);
	record.writeUInt16LE(fields.localPort ?? 40_000, FLOW_END.localPort);
	record.writeUInt8(fields.protocol ?? PROTOCOL.tcp, FLOW_END.protocol);
	record.writeUInt8(how, FLOW_END.how);
	return record;
}

export function processEvent(
	fields: HeadFields & {
		readonly path?: string;
		readonly args?: string;
		readonly comm?: string;
		readonly uid?: number;
		readonly ppid?: number;
	} = {},
): Buffer {
	const record = head(EVENT.process, PROCESS.bytes, fields);
	const path = fields.path ?? "curl/bin/usr/";
	const args = fields.args ?? "curl\0https://example.com";
	record.writeUInt32LE(fields.ppid ?? 1, PROCESS.ppid);
	record.writeUInt32LE(fields.uid ?? 0, PROCESS.uid);
	record.writeUInt16LE(record.write(path, PROCESS.path), PROCESS.pathLength);
	record.writeUInt16LE(record.write(args, PROCESS.args), PROCESS.argsLength);
	record.write(fields.comm ?? "curl", PROCESS.comm);
	record.write("bash", PROCESS.parentComm);
	return record;
}

export function cgroupEvent(path: string, fields: HeadFields = {}): Buffer {
	const record = head(EVENT.cgroup, CGROUP.bytes, fields);
	const length = record.write(path, CGROUP.path);
	record.writeUInt16LE(length, CGROUP.pathLength);
	record.writeUInt16LE(length, CGROUP.namedLength);
	return record;
}

/** A batch: records in sequence, each padded to 8 bytes. */
export function batch(...records: readonly Buffer[]): Buffer {
	return Buffer.concat(records.map((record) => Buffer.concat([record, Buffer.alloc(-record.length & 7)])));
}

function head(
	type: number,
	bytes: number,
	{ time = 1_000_000_000, cookie = 1n, tgid = 42, start = 5_000_000, cgroup = 7 }: HeadFields,
): Buffer {
	const record = Buffer.alloc(bytes);
	record.writeUInt16LE(bytes, HEAD.size);
	record.writeUInt8(type, HEAD.type);
	record.writeUInt8(LAYOUT_VERSION, HEAD.version);
	record.writeUInt32LE(tgid, HEAD.tgid);
	record.writeBigUInt64LE(BigInt(time), HEAD.time);
	record.writeBigUInt64LE(cookie, HEAD.cookie);
	record.writeBigUInt64LE(BigInt(start), HEAD.start);
	record.writeBigUInt64LE(BigInt(cgroup), HEAD.cgroup);
	return record;
}

function decision(type: number, bytes: number, fields: DecisionFields): Buffer {
	const record = head(type, bytes, fields);
	record.writeUInt32LE(fields.uid ?? 0, DECISION.uid);
	record.writeUInt32LE(fields.generation ?? 1, DECISION.generation);
	record.writeUInt16LE(fields.rule ?? NO_RULE, DECISION.rule);
	record.writeUInt16LE(fields.alert ?? NO_RULE, DECISION.alert);
	record.writeUInt8(fields.phase ?? 0, DECISION.phase);
	record.writeUInt8(fields.verdict ?? VERDICT.allow, DECISION.verdict);
	record.writeUInt8(fields.reason ?? REASON.default, DECISION.reason);
	record.writeUInt8(fields.hook ?? 0, DECISION.hook);
	putAddress(record, DECISION.remote, fields.remote ?? "192.0.2.1");
	putAddress(record, DECISION.local, fields.local ?? "10.0.0.1");
	record.writeUInt16LE(fields.remotePort ?? 443, DECISION.remotePort);
	record.writeUInt16LE(fields.localPort ?? 40_000, DECISION.localPort);
	record.writeUInt8(fields.protocol ?? PROTOCOL.tcp, DECISION.protocol);
	record.writeBigUInt64LE(fields.nameHash ?? 0n, DECISION.nameHash);
	record.writeBigUInt64LE(BigInt(fields.netns ?? 4_026_531_840), DECISION.netns);
	record.write(fields.comm ?? "curl", DECISION.comm, 16);
	return record;
}

function named(type: number, name: string, queryType: number, fields: DecisionFields): Buffer {
	const record = decision(type, NAMED.bytes, fields);
	record.writeUInt16LE(queryType, NAMED.queryType);
	record.writeUInt16LE(record.write(name, NAMED.name, "latin1"), DECISION.nameLength);
	return record;
}

function putAddress(record: Buffer, at: number, text: string): void {
	record.write(packAddress(text) ?? "", at, "latin1");
}
