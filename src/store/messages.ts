/** Messages between the main thread and the writer's thread. */

import type { HistoryFailure, Throttled } from "../records/history-status.ts";
import type { Batch } from "./batch.ts";

export interface WriterData {
	readonly file: string;
	/** [ms] */
	readonly maxAge: number;
	readonly maxBytes: number;
	/** This is the daemon's first writer: open rows in the file were left by an earlier daemon. */
	readonly fresh: boolean;
	/** Id of this boot: socket cookies are unique only within a boot. */
	readonly boot: string;
}

export type ToWriter =
	| { readonly type: "batch"; readonly batch: Batch }
	/** Check the file: the reader met a corrupt page. */
	| { readonly type: "check" }
	| { readonly type: "close" };

export type FromWriter =
	/** The file was opened, perhaps a new one: readers reopen it. `failure`: the reason why the one before was moved aside. */
	| { readonly type: "opened"; readonly figures: Figures; readonly failure: HistoryFailure | null }
	| { readonly type: "written"; readonly figures: Figures }
	/** An operation failed. `batch`: it was a batch, to be sent again later. `final`: the file will never be writable. */
	| { readonly type: "failed"; readonly failure: HistoryFailure; readonly final: boolean; readonly batch: boolean }
	| { readonly type: "figures"; readonly figures: Figures }
	| { readonly type: "closed" };

/** The state of the file after an operation. */
export interface Figures {
	readonly rows: number;
	readonly bytes: number;
	/** Wall clock [ms]; null: the file is empty. */
	readonly oldest: number | null;
	readonly expired: number;
	/** The last ones first. */
	readonly throttled: readonly Throttled[];
	/** Inode of the file. */
	readonly inode: number;
}
