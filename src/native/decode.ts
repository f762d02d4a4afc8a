import { answerOf, cgroupOf, namedOf, processOf, requestOf } from "./event-objects.ts";
import type { Cursor, EventSink } from "./events.ts";
import { comm } from "./fields.ts";
import { DecisionInBatch, EndInBatch } from "./in-batch.ts";
import { ANSWER, CGROUP, DECISION, EVENT, FLOW_END, HEAD, LAYOUT_VERSION, NAMED, PROCESS, REQUEST } from "./layout.ts";
import { eventNames } from "./vocabulary.ts";

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
	const places = new Places(batch, view);
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
			places.move(at);
			dispatch(places, at, type, sink);
		}
		records++;
		at += (size + 7) & ~7;
	}
	if (at < end) counts.torn += end - at;
	counts.records += records;
	return records;
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

/* Made once a batch and moved along. */
class Places {
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

function dispatch({ batch, view, decision, end, cursor }: Places, at: number, type: number, sink: EventSink): void {
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
