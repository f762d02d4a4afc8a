import type { Records, Source } from "./api/services.ts";
import type { RecentRecords } from "./connections/recent.ts";
import type { Recorder } from "./connections/recorder.ts";
import type { History } from "./store/history.ts";

export interface RecordSourcesOptions {
	readonly recent: RecentRecords;
	/** Null: none is kept. */
	readonly history: History | null;
	readonly recorder: Pick<Recorder, "flush"> | null;
	/** Takes from the ring what waits there. */
	readonly drain: () => void;
	/** ms that a question waits for what happened just now to be written. */
	readonly patience: number;
}

/**
 * Where questions are answered: by history, once all that has happened so far is written, so that a record is seen at
 * once and once; by memory if there is no history or its file takes nothing now.
 */
export class RecordSources {
	readonly #o: RecordSourcesOptions;

	constructor(options: RecordSourcesOptions) {
		this.#o = options;
	}

	async read(wanted?: Source): Promise<Records> {
		const { recent, history, recorder, drain, patience } = this.#o;
		drain();
		if (history === null || wanted === "memory") return { source: "memory", reader: recent };
		recorder?.flush();
		const written = history.status().state === "writing" && (await within(history.flush(), patience));
		if (written || wanted === "history") return { source: "history", reader: history };
		return { source: "memory", reader: recent };
	}
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
