import type { Connection } from "../records/connection.ts";
import type { ViewOf } from "../records/view.ts";

/** One telling of a connection. */
export interface FeedEvent {
	/** From 1, without gaps, anew with each daemon. */
	readonly seq: number;
	/** Wall clock, ms. */
	readonly time: number;
	readonly connection: Connection;
	/** JSON of the view, made once for all who read. */
	text(): string;
}

/**
 * The last events that watchers were told, for readers at their own pace. This ring is the only queue: a reader is a position in it,
 * so a slow one costs nothing; what the ring drops before it was read is counted for that reader.
 */
export class LiveFeed {
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

	/** seq of the oldest event that is still there; `next` if there is none. */
	get oldest(): number {
		return Math.max(1, this.#next - this.limit);
	}

	get next(): number {
		return this.#next;
	}

	get readers(): number {
		return this.#readers.size;
	}

	push(connection: Connection, time: number): void {
		const seq = this.#next;
		const dropped = this.#ring[seq % this.limit];
		if (dropped !== undefined) for (const reader of this.#readers) reader.dropped(dropped);
		this.#ring[seq % this.limit] = new Told(seq, time, connection, this.#view);
		this.#next++;
		for (const reader of this.#readers) reader.wake();
	}

	at(seq: number): FeedEvent | undefined {
		const event = this.#ring[seq % this.limit];
		return event?.seq === seq ? event : undefined;
	}

	/** From `from` on (at least the oldest). `wake` is called for each new event: it must not do the work itself. */
	read(from: number, matches: (connection: Connection) => boolean, wake: () => void): FeedReader {
		const reader = new FeedReader(this, Math.max(from, this.oldest), matches, wake);
		this.#readers.add(reader);
		return reader;
	}

	leave(reader: FeedReader): void {
		this.#readers.delete(reader);
	}
}

class Told implements FeedEvent {
	readonly seq: number;
	readonly time: number;
	readonly connection: Connection;
	readonly #view: ViewOf;
	#text: string | null = null;

	constructor(seq: number, time: number, connection: Connection, view: ViewOf) {
		this.seq = seq;
		this.time = time;
		this.connection = connection;
		this.#view = view;
	}

	text(): string {
		this.#text ??= JSON.stringify(this.#view(this.connection));
		return this.#text;
	}
}

export class FeedReader {
	/** seq of the next event to look at. */
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

	/** Looks at no more than `most` events; those that match. */
	take(most: number): FeedEvent[] {
		const found: FeedEvent[] = [];
		for (let looked = 0; looked < most && this.position < this.#feed.next; looked++) {
			const event = this.#feed.at(this.position++);
			if (event !== undefined && this.#matches(event.connection)) found.push(event);
		}
		return found;
	}

	get waiting(): boolean {
		return this.position < this.#feed.next;
	}

	/** Matching events that were dropped before they were read, since the last call. */
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
