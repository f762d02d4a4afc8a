/** The state of the history, as the daemon reports it. */

export interface HistoryStatus {
	readonly file: string;
	/** "waiting": the file cannot be written at present (`failure`). "off": it never will be (`failure`), or the history is closed. */
	readonly state: "opening" | "writing" | "waiting" | "off";
	/** Connections and DNS questions in the file. */
	readonly rows: number;
	/** Size of the file and its write-ahead log. */
	readonly bytes: number;
	/** Wall clock [ms]; null: the file is empty. */
	readonly oldest: number | null;
	/** Wall clock [ms] of the last batch that is safe in the file. */
	readonly lastWrite: number | null;
	/** Records that are not in the file yet. */
	readonly waiting: number;
	/** [ms] Age of the oldest of them. */
	readonly lag: number;
	/** Since the daemon started, as are the following counts. */
	readonly written: number;
	readonly dropped: number;
	readonly expired: number;
	/** Sources that had to give way to others, the last ones first; at most THROTTLED. */
	readonly throttled: readonly Throttled[];
	readonly failures: number;
	readonly writerRestarts: number;
	/** The current failure, or null. */
	readonly failure: HistoryFailure | null;
}

/** A source whose records gave way to those of others, because it had more than its share. */
export interface Throttled {
	/** Container, unit or cgroup; "user 1000" outside of these. */
	readonly source: string;
	/** Rows that were removed from the file because it was full. */
	readonly removed: number;
	/** Records that were not written, because the buffer was half full. */
	readonly dropped: number;
	/** Wall clock [ms]. */
	readonly since: number;
	readonly last: number;
}

/** Sources that the status names. */
export const THROTTLED = 16;

export type HistoryFailureCode =
	| "disk_full"
	| "corrupt"
	| "locked"
	| "read_only"
	| "cannot_open"
	| "newer_schema"
	| "io"
	| "writer_died"
	| "dropped"
	| "unexpected";

export interface HistoryFailure {
	readonly code: HistoryFailureCode;
	/** A sentence for a person, with the file and the consequence. */
	readonly message: string;
	/** Wall clock [ms]. */
	readonly time: number;
}
