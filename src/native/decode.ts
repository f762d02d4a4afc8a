import { answerOf, cgroupOf, namedOf, processOf, requestOf } from "./event-objects.ts";
import { DecisionInBatch, EndInBatch } from "./event-views.ts";
import type { Cursor, EventSink } from "./events.ts";
import { comm } from "./fields.ts";
import { ANSWER, CGROUP, DECISION, EVENT, FLOW_END, HEAD, LAYOUT_VERSION, NAMED, PROCESS, REQUEST } from "./layout.ts";
import { eventNames } from "./vocabulary.ts";

export interface DecodeCounts {
	records: number;
	/** Records of another layout version, of an unknown type, or too short for their type. */
	unknown: number;
	/** Bytes at the end of a batch that are no whole record. */
	torn: number;
	/** Records by EVENT. */
	readonly byType: number[];
}

/** Counts of zero. */
export function newDecodeCounts(): DecodeCounts {
	return { records: 0, unknown: 0, torn: 0, byType: new Array<number>(eventNames.length).fill(0) };
}

/**
 * Decodes the first `length` bytes of `batch`, hands each event to `sink` and adds to `counts`. Invalid bytes are
 * counted and never throw; an error that `sink` throws is passed on.
 *
 * @returns the number of records
 */
export function decodeBatch(batch: Buffer, length: number, sink: EventSink, counts: DecodeCounts): number {
	const end = Math.min(length, batch.length);
	const view = new DataView(batch.buffer, batch.byteOffset, batch.length);
	const views = new BatchViews(batch, view);
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
			views.move(at);
			dispatch(views, at, type, sink);
		}
		records++;
		at += (size + 7) & ~7;
	}
	if (at < end) counts.torn += end - at;
	counts.records += records;
	return records;
}

/** The kernel's 64 bits of a cookie that readSigned64() read. */
export function cookieBits(cookie: number): bigint {
	return BigInt.asUintN(64, BigInt(cookie));
}

/** Smallest size of a record [bytes], by EVENT. */
const SIZES = sizesByType({
	connect: DECISION.bytes,
	question: NAMED.bytes,
	hello: NAMED.bytes,
	answer: ANSWER.bytes,
	end: FLOW_END.bytes,
	process: PROCESS.bytes,
	cgroup: CGROUP.bytes,
	request: REQUEST.bytes,
});

function sizesByType(sizes: Readonly<Record<keyof typeof EVENT, number>>): readonly (number | undefined)[] {
	return eventNames.map((name) => (name === null ? undefined : sizes[name]));
}

/** The views of a batch: made once and moved from record to record, so that an event costs no allocation. */
class BatchViews {
	readonly batch: Buffer;
	readonly view: DataView;
	readonly decision: DecisionInBatch;
	readonly end: EndInBatch;
	readonly cursor: BatchCursor;

	constructor(batch: Buffer, view: DataView) {
		this.batch = batch;
		this.view = view;
		this.decision = new DecisionInBatch(batch, view);
		this.end = new EndInBatch(batch, view);
		this.cursor = new BatchCursor(batch);
	}

	move(at: number): void {
		this.decision.at = at;
		this.end.at = at;
		this.cursor.at = at;
	}
}

function dispatch({ batch, view, decision, end, cursor }: BatchViews, at: number, type: number, sink: EventSink): void {
	switch (type) {
		case EVENT.connect:
			sink.decision(decision, cursor);
			break;
		case EVENT.question:
		case EVENT.hello:
			sink.named(namedOf(decision), cursor);
			break;
		case EVENT.request:
			sink.request(requestOf(decision), cursor);
			break;
		case EVENT.answer:
			sink.answer(answerOf(batch, view, at), cursor);
			break;
		case EVENT.end:
			sink.end(end);
			break;
		case EVENT.process:
			sink.process(processOf(batch, view, at));
			break;
		case EVENT.cgroup:
			sink.cgroup(cgroupOf(batch, view, at));
			break;
	}
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
