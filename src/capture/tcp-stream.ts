import type { Segment } from "./dissector.ts";
import type { CapturedPacket } from "./packet.ts";

/** Receives bytes in order. `lost`: bytes in front of them that the capture lacks. */
export type Ordered = (bytes: Buffer, packet: CapturedPacket, lost: number) => void;

/** Limits of the data that waits for a missing segment. Beyond them the segment counts as lost. */
const WAITING_BYTES = 1024 * 1024;
const WAITING_SEGMENTS = 1024;
/** Segments of the connection after which acknowledged but missing bytes count as lost. */
const PATIENCE = 16;
/** Data collected from a stream without a beginning, to find its lowest sequence number. */
const START_BYTES = 65_536;
const START_SEGMENTS = 64;

const NOTHING: Buffer = Buffer.alloc(0);

interface Waiting {
	readonly sequence: number;
	readonly bytes: Buffer;
	readonly packet: CapturedPacket;
}

/** One direction of a TCP connection, in order. */
export class Stream {
	readonly #ordered: Ordered;
	/** Sequence number of the next byte; null: not known yet, because the beginning was not captured. */
	#next: number | null = null;
	/** Sorted by sequence number, then by arrival. */
	#waiting: Waiting[] = [];
	#waitingBytes = 0;
	/** The start was guessed from the first packets, and nothing was delivered yet. */
	#guessed = true;
	/** The highest acknowledged sequence number. */
	#acknowledged: number | null = null;
	#patience = PATIENCE;
	/** The last segment that was captured only in part, and the end of its captured part. */
	#cut: { readonly at: number; readonly bytes: number; readonly packet: CapturedPacket } | null = null;

	constructor(ordered: Ordered) {
		this.#ordered = ordered;
	}

	/** The initial sequence number; null: unknown. */
	initial: number | null = null;

	begin(initial: number): void {
		if (this.initial !== null) return;
		this.initial = initial;
		if (!this.#guessed) return;
		this.#next = (initial + 1) >>> 0;
		this.#guessed = false;
	}

	take({ sequence, syn, payload, packet, missing }: Segment): void {
		if (syn) this.begin(sequence);
		const first = syn ? (sequence + 1) >>> 0 : sequence;
		if (missing > 0) this.#cut = { at: (first + payload.length) >>> 0, bytes: missing, packet };
		// The next byte has this number. Keep-alives have the number before it, but are never the first segment.
		if (payload.length === 0) {
			if (this.#waiting.length === 0) this.#next ??= first;
			return;
		}
		if (this.#next === first && this.#waiting.length === 0) this.#deliver({ sequence: first, bytes: payload, packet });
		else this.#insert({ sequence: first, bytes: payload, packet });
		this.#drain();
	}

	/** The other side acknowledged all bytes before `number`. */
	acknowledge(number: number): void {
		if (this.#next === null) {
			const lowest = this.#waiting[0];
			this.#next = lowest === undefined || distance(lowest.sequence, number) < 0 ? number : lowest.sequence;
		}
		if (this.#acknowledged === null || distance(this.#acknowledged, number) > 0) this.#acknowledged = number;
		this.#drain();
	}

	/** Called for each segment of the connection, in either direction. */
	tick(): void {
		if (this.#waiting.length === 0 || this.#next === null || this.#acknowledged === null) this.#patience = PATIENCE;
		else if (distance(this.#next, this.#acknowledged) > 0 && --this.#patience <= 0) this.#skip();
	}

	/** Delivers the remaining data, at the end of the connection. */
	end(): void {
		while (this.#waiting.length > 0) this.#skip();
		const cut = this.#cut;
		if (cut !== null && this.#next === cut.at) this.#ordered(NOTHING, cut.packet, cut.bytes);
	}

	#insert(added: Waiting): void {
		if (this.#next !== null && distance(this.#next, added.sequence) + added.bytes.length <= 0) return;
		let at = this.#waiting.length;
		while (at > 0 && distance(this.#waiting[at - 1]!.sequence, added.sequence) < 0) at--;
		this.#waiting.splice(at, 0, added);
		this.#waitingBytes += added.bytes.length;
	}

	#drain(): void {
		if (this.#next === null) {
			if (this.#waitingBytes < START_BYTES && this.#waiting.length < START_SEGMENTS) return;
			this.#next = this.#waiting[0]!.sequence;
		}
		for (;;) {
			const first = this.#waiting[0];
			if (first === undefined) return;
			if (distance(this.#next, first.sequence) <= 0) this.#shift();
			else if (this.#waitingBytes > WAITING_BYTES || this.#waiting.length > WAITING_SEGMENTS) this.#skip();
			else return;
		}
	}

	/** Counts the bytes in front of the first waiting segment as lost. */
	#skip(): void {
		const first = this.#waiting[0]!;
		const lost = this.#next === null ? 0 : Math.max(0, distance(this.#next, first.sequence));
		this.#patience = PATIENCE;
		if (this.#next === null || lost > 0) this.#next = first.sequence;
		this.#shift(this.#guessed ? 0 : lost);
		this.#drain();
	}

	#shift(lost = 0): void {
		const first = this.#waiting.shift()!;
		this.#waitingBytes -= first.bytes.length;
		this.#deliver(first, lost);
	}

	#deliver({ sequence, bytes, packet }: Waiting, lost = 0): void {
		const known = distance(sequence, this.#next!);
		if (known >= bytes.length) return;
		this.#next = (sequence + bytes.length) >>> 0;
		this.#guessed = false;
		this.#ordered(known === 0 ? bytes : bytes.subarray(known), packet, lost);
	}
}

/** Distance from one sequence number to another, modulo 2^32 (RFC 9293 3.4). */
export function distance(from: number, to: number): number {
	return (to - from) | 0;
}
