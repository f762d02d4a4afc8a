import type { Recorder } from "../connections/recorder.ts";
import type { History, HistoryReader, HistoryStatus, Records, Source, Unwritten } from "../records/contract.ts";
import type { RecentRecords } from "./recent.ts";

export interface RecordSourcesOptions {
	readonly recent: RecentRecords;
	/** Null without history. */
	readonly both: HistoryReader | null;
	/** Null: none is kept. */
	readonly history: History | null;
	readonly recorder: Pick<Recorder, "flush"> | null;
	/** Takes from the ring what waits there: no more than it holds. */
	readonly drain: () => Promise<void>;
	/** ms that a question waits for what happened just now to be written. */
	readonly patience: number;
}

/**
 * Where questions are answered: by history, once all that has happened so far is written, so that a record is seen at
 * once and once; by the file and memory together while the file takes nothing; by memory if there is no file.
 */
export class RecordSources {
	readonly #o: RecordSourcesOptions;

	constructor(options: RecordSourcesOptions) {
		this.#o = options;
	}

	async read(wanted?: Source): Promise<Records> {
		const { recent, both, history, recorder, drain, patience } = this.#o;
		await drain();
		if (history === null) return { source: "memory", reader: recent, unwritten: null };
		recorder?.flush();
		const written = history.status().state === "writing" && (await within(history.flush(), patience));
		const status = history.status();
		const unwritten = unwrittenOf(status);
		const source =
			wanted ?? (written ? "history" : status.state === "waiting" || unwritten === null ? "both" : "memory");
		return { source, reader: { history, memory: recent, both: both ?? recent }[source], unwritten };
	}
}

/** Since when, and why, what happens is not in the file; null: it is, or is about to be. */
export function unwrittenOf({ state, failure, lastWrite }: HistoryStatus): Unwritten | null {
	if (state !== "waiting" && state !== "off") return null;
	const since = failure?.time ?? lastWrite ?? Date.now();
	return { since: new Date(since).toISOString(), why: failure?.message ?? "The history is off" };
}

async function within(promise: Promise<void>, ms: number): Promise<boolean> {
	const { promise: late, resolve } = Promise.withResolvers<boolean>();
	const timer = setTimeout(() => resolve(false), ms);
	try {
		return await Promise.race([promise.then(() => true), late]);
	} catch {
		return false;
	} finally {
		clearTimeout(timer);
	}
}
