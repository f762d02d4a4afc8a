import type { Recorder } from "../connections/recorder.ts";
import type { Asker, History, HistoryAs, HistoryReader, Records, Source, Unwritten } from "../records/contract.ts";
import type { HistoryStatus } from "../records/history-status.ts";
import type { RecentRecords } from "./recent.ts";

export interface RecordSourcesOptions {
	readonly recent: RecentRecords;
	/** The file, as the caller reads it, and memory. */
	readonly both: (history: HistoryAs) => HistoryReader;
	/** Null: there is no history. */
	readonly history: History | null;
	readonly recorder: Pick<Recorder, "flush"> | null;
	/** Processes the events that wait in the kernel's ring. */
	readonly drain: () => Promise<void>;
	/** [ms] A query waits at most this long for recent records to be written. */
	readonly flushTimeout: number;
}

/**
 * Chooses the reader of a query. The default is the history, after all events so far are written to it, so that each record
 * appears exactly once. While the file cannot be written, the file and memory are merged. Without a history, memory answers.
 */
export class RecordSources {
	readonly #o: RecordSourcesOptions;

	constructor(options: RecordSourcesOptions) {
		this.#o = options;
	}

	/** `from`: the source that the client asks for. */
	async read(asker: Asker, from?: Source): Promise<Records> {
		const { recent, history, recorder, drain, flushTimeout } = this.#o;
		await drain();
		if (history === null) return { source: "memory", reader: recent, unwritten: null };
		recorder?.flush();
		const written = history.status().state === "writing" && (await within(history.flush(), flushTimeout));
		const status = history.status();
		const unwritten = unwrittenOf(status);
		const source = from ?? (written ? "history" : status.state === "waiting" || unwritten === null ? "both" : "memory");
		return { source, reader: this.#reader(source, history.as(asker)), unwritten };
	}

	#reader(source: Source, history: HistoryAs): HistoryReader {
		if (source === "memory") return this.#o.recent;
		return source === "history" ? history : this.#o.both(history);
	}
}

/** The time since which records are not written to the file, and the reason; null: they are written. */
export function unwrittenOf({ state, failure, lastWrite }: HistoryStatus): Unwritten | null {
	if (state !== "waiting" && state !== "off") return null;
	const since = failure?.time ?? lastWrite ?? Date.now();
	return { since: new Date(since).toISOString(), why: failure?.message ?? "History is off" };
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
