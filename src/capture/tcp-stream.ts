/** One direction of a TCP connection, put in order. */
import type { Segment } from "./dissector.ts";
import type { CapturedPacket } from "./packet.ts";

/** What arrives in order: bytes of one segment, and how many before them the capture lacks. */
export type Ordered = (bytes: Buffer, packet: CapturedPacket, lost: number) => void;

/** What waits for a segment before it; then the capture is taken to lack that one. */
const WAITING_BYTES = 1024 * 1024;
const WAITING_SEGMENTS = 1024;
/** Segments of the connection after which what the other side acknowledged, and is not here, will not come. */
const PATIENCE = 16;
/** Without its beginning a stream waits for so much, to find the lowest number. */
const START_BYTES = 65_536;
const START_SEGMENTS = 64;

const NOTHING: Buffer = Buffer.alloc(0);

interface Waiting {
	readonly sequence: number;
	readonly bytes: Buffer;
	readonly packet: CapturedPacket;
}

export class Stream {
	readonly #ordered: Ordered;
	/** Number of the next byte; null: the beginning was not captured and is not known yet. */
	#next: number | null = null;
	/** By sequence number; of two at the same place the first that came is the first. */
	#waiting: Waiting[] = [];
	#waitingBytes = 0;
	/** Where the stream begins is what the capture's first packets suggest, and nothing was delivered yet. */
	#guessed = true;
	/** The highest number that the other side acknowledged. */
	#acknowledged: number | null = null;
	#patience = PATIENCE;
	/** The last segment that was not captured to its end, and where what was captured ends. */
	#cut: { readonly at: number; readonly bytes: number; readonly packet: CapturedPacket } | null = null;

	constructor(ordered: Ordered) {
		this.#ordered = ordered;
	}

	/** The initial sequence number, once it is known. */
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
		// What is sent next has this number; a keep-alive would lie, but the first segment is none.
		if (payload.length === 0) {
			if (this.#waiting.length === 0) this.#next ??= first;
			return;
		}
		if (this.#next === first && this.#waiting.length === 0) this.#deliver({ sequence: first, bytes: payload, packet });
		else this.#insert({ sequence: first, bytes: payload, packet });
		this.#drain();
	}

	/** The other side has all bytes before `number`. */
	acknowledge(number: number): void {
		if (this.#next === null) {
			const lowest = this.#waiting[0];
			this.#next = lowest === undefined || distance(lowest.sequence, number) < 0 ? number : lowest.sequence;
		}
		if (this.#acknowledged === null || distance(this.#acknowledged, number) > 0) this.#acknowledged = number;
		this.#drain();
	}

	/** A segment of the connection came, in either direction. */
	tick(): void {
		if (this.#waiting.length === 0 || this.#next === null || this.#acknowledged === null) this.#patience = PATIENCE;
		else if (distance(this.#next, this.#acknowledged) > 0 && --this.#patience <= 0) this.#skip();
	}

	/** Nothing comes any more. */
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

	/** Give up what is missing before the first that waits. */
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

/** How far `to` lies behind `from`, in numbers that begin anew after 2^32 (RFC 9293 3.4). */
export function distance(from: number, to: number): number {
	return (to - from) | 0;
}
