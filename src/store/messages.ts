/** What the threads say to one another. */

import type { HistoryFailure } from "../records/contract.ts";
import type { Batch } from "./batch.ts";

export interface WriterData {
	readonly file: string;
	readonly maxAge: number;
	readonly maxBytes: number;
	/** The first writer of this daemon: what is open in the file was left by an earlier one. */
	readonly fresh: boolean;
	/** Of this boot: socket cookies begin anew with each. */
	readonly boot: string;
}

export type ToWriter =
	| { readonly type: "batch"; readonly batch: Batch }
	/** The reader met a broken page. */
	| { readonly type: "check" }
	| { readonly type: "close" };

export type FromWriter =
	/** The file is open (again): readers open it anew. `failure`: what was wrong with the one before. */
	| { readonly type: "opened"; readonly figures: Figures; readonly failure: HistoryFailure | null }
	| { readonly type: "written"; readonly figures: Figures }
	/** The batch is not in the file; send it again later. `final`: never again. */
	| { readonly type: "failed"; readonly failure: HistoryFailure; readonly final: boolean; readonly batch: boolean }
	| { readonly type: "figures"; readonly figures: Figures }
	| { readonly type: "closed" };

export interface Figures {
	readonly rows: number;
	readonly bytes: number;
	readonly oldest: number | null;
	readonly expired: number;
	/** Of the file; readers open it anew when it is another. */
	readonly inode: number;
}
