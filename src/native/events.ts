/**
 * The ring's records as numbers and short strings, and who receives them.
 *
 * 64-bit numbers become doubles. Cookies are read as signed, which keeps both of the kernel's counters exact (one
 * counts up from 0, one down from 2^64). Times lose nanoseconds 104 days after boot. Hashes keep 53 bits, enough for
 * the key of a Map.
 */

import type { AnswerEvent, CgroupEvent, NamedEvent, ProcessEvent, RequestEvent } from "./event-objects.ts";
import type { DecisionEvent, EndEvent } from "./event-views.ts";

/**
 * The addon overwrites the batch. Decisions and ends, the most frequent events, are views of it: valid only during the
 * call, and keptDecision() copies one. The other events are copies.
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

/** Fields that few receivers need and that cost an allocation. Valid only during the call that passes it. */
export interface Cursor {
	/** Name of the task (comm) of a decision. */
	comm(): string;
	/** The 8 bytes of the name's hash, of a decision or an answer. */
	nameHash(): Buffer;
}
