import type { Connection } from "../records/connection.ts";
import type { AnswerRecord } from "../records/contract.ts";

/** Callbacks of the connection table. They run within the batch of events, so they must not wait. */
export interface Watcher {
	/** A new record. */
	opened(connection: Connection): void;
	/** An enforced denial: once, and again after a decision that allowed the connection in between. */
	denied(connection: Connection): void;
	ended(connection: Connection): void;
	/** A denial of the same kind was counted in the record, which may have ended. */
	repeated(connection: Connection): void;
	/** A record that has ended has changed: an event of its socket came later. */
	changed(connection: Connection): void;
	/** The record, which was opened and has not been shown, is counted in another one: it never was. */
	absorbed(connection: Connection): void;
	/** One address of a DNS answer, and the record of the question that it answers; null: unknown. */
	answered(answer: AnswerRecord, question: Connection | null): void;
	/** A DNS question has its outcome, and no address. */
	resolved(question: Connection): void;
}

/** Calls every watcher for which a callback exists. */
export class Watchers implements Watcher {
	#all: readonly Partial<Watcher>[] = [];

	/** Returns the function that removes the watcher. */
	add(watcher: Partial<Watcher>): () => void {
		this.#all = [...this.#all, watcher];
		return () => {
			this.#all = this.#all.filter((each) => each !== watcher);
		};
	}

	opened(connection: Connection): void {
		for (const watcher of this.#all) watcher.opened?.(connection);
	}

	denied(connection: Connection): void {
		for (const watcher of this.#all) watcher.denied?.(connection);
	}

	ended(connection: Connection): void {
		for (const watcher of this.#all) watcher.ended?.(connection);
	}

	repeated(connection: Connection): void {
		for (const watcher of this.#all) watcher.repeated?.(connection);
	}

	changed(connection: Connection): void {
		for (const watcher of this.#all) watcher.changed?.(connection);
	}

	absorbed(connection: Connection): void {
		for (const watcher of this.#all) watcher.absorbed?.(connection);
	}

	answered(answer: AnswerRecord, question: Connection | null): void {
		for (const watcher of this.#all) watcher.answered?.(answer, question);
	}

	resolved(question: Connection): void {
		for (const watcher of this.#all) watcher.resolved?.(question);
	}
}
