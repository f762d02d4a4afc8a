import type { Connection } from "../records/connection.ts";
import { type ViewOf, withoutArguments } from "../records/view.ts";

/** One report of a connection. */
export interface FeedEvent {
	/** 1, 2, 3 and so on; begins anew with each daemon. */
	readonly seq: number;
	/** Wall clock [ms]. */
	readonly time: number;
	readonly connection: Connection;
	/** The view as JSON. It is made once for all readers. */
	text(hideArguments: boolean): string;
}

/**
 * The last reports of connections, for readers at their own pace. This ring is the only queue: a reader is a position in it, so a slow
 * reader takes no memory. Events that the ring drops before a reader has read them are counted for that reader.
 */
export class LiveFeed {
	/** Events in memory. */
	readonly limit: number;
	readonly #view: ViewOf;
	readonly #ring: (FeedEvent | undefined)[];
	readonly #readers = new Set<FeedReader>();
	#next = 1;

	constructor(limit: number, view: ViewOf) {
		this.limit = limit;
		this.#view = view;
		this.#ring = new Array<FeedEvent | undefined>(limit);
	}

	/** `seq` of the oldest event in memory; `next` if there is none. */
	get oldest(): number {
		return Math.max(1, this.#next - this.limit);
	}

	/** `seq` of the next event. */
	get next(): number {
		return this.#next;
	}

	/** Number of readers. */
	get readers(): number {
		return this.#readers.size;
	}

	/** `time`: wall clock [ms]. */
	push(connection: Connection, time: number): void {
		const seq = this.#next;
		const dropped = this.#ring[seq % this.limit];
		if (dropped !== undefined) for (const reader of this.#readers) reader.dropped(dropped);
		this.#ring[seq % this.limit] = new PushedEvent(seq, time, connection, this.#view);
		this.#next++;
		for (const reader of this.#readers) reader.wake();
	}

	/** The event with this `seq` if it is in memory. */
	at(seq: number): FeedEvent | undefined {
		const event = this.#ring[seq % this.limit];
		return event?.seq === seq ? event : undefined;
	}

	/** A reader that begins at `from`, or at the oldest event if that is later. `wake` is called for each new event, and must return soon. */
	read(from: number, matches: (connection: Connection) => boolean, wake: () => void): FeedReader {
		const reader = new FeedReader(this, Math.max(from, this.oldest), matches, wake);
		this.#readers.add(reader);
		return reader;
	}

	/** Called by the reader. */
	leave(reader: FeedReader): void {
		this.#readers.delete(reader);
	}
}

class PushedEvent implements FeedEvent {
	readonly seq: number;
	readonly time: number;
	readonly connection: Connection;
	readonly #view: ViewOf;
	#text: string | null = null;
	#hidden: string | null = null;

	constructor(seq: number, time: number, connection: Connection, view: ViewOf) {
		this.seq = seq;
		this.time = time;
		this.connection = connection;
		this.#view = view;
	}

	text(hideArguments: boolean): string {
		if (hideArguments) {
			this.#hidden ??= JSON.stringify(withoutArguments(this.#view(this.connection)));
			return this.#hidden;
		}
		this.#text ??= JSON.stringify(this.#view(this.connection));
		return this.#text;
	}
}

export class FeedReader {
	/** `seq` of the next event to read. */
	position: number;
	readonly wake: () => void;
	readonly #feed: LiveFeed;
	readonly #matches: (connection: Connection) => boolean;
	#missed = 0;

	constructor(feed: LiveFeed, position: number, matches: (connection: Connection) => boolean, wake: () => void) {
		this.#feed = feed;
		this.position = position;
		this.#matches = matches;
		this.wake = wake;
	}

	/** Reads at most `most` events, and returns those that match. */
	take(most: number): FeedEvent[] {
		const found: FeedEvent[] = [];
		for (let read = 0; read < most && this.position < this.#feed.next; read++) {
			const event = this.#feed.at(this.position++);
			if (event !== undefined && this.#matches(event.connection)) found.push(event);
		}
		return found;
	}

	/** There are unread events. */
	get waiting(): boolean {
		return this.position < this.#feed.next;
	}

	/** Number of matching events that were dropped unread since the last call. */
	takeMissed(): number {
		const missed = this.#missed;
		this.#missed = 0;
		return missed;
	}

	/** Called by the feed. */
	dropped(event: FeedEvent): void {
		if (event.seq < this.position) return;
		if (this.#matches(event.connection)) this.#missed++;
		this.position = event.seq + 1;
	}

	close(): void {
		this.#feed.leave(this);
	}
}
