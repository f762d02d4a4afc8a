import type { Connection } from "../connections/connection.ts";
import type { Describer, ViewOf } from "../connections/view.ts";
import type { Status } from "./status.ts";

/** What the API needs of the daemon, and no more. */
export interface ApiServices {
	/** Open and ended records, in no order. */
	readonly connections: () => Iterable<Connection>;
	readonly describe: Describer;
	readonly view: ViewOf;
	readonly policy: PolicyPort;
	readonly status: () => Status;
	readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
	/** Why the daemon is not well, or null. */
	readonly ill: () => string | null;
}

export interface PolicyPort {
	/** Null: an earlier daemon's policy is in force. */
	current(): PolicyDocument | null;
	load(
		text: string,
	):
		| { readonly ok: true; readonly policy: PolicyDocument }
		| { readonly ok: false; readonly problems: readonly Problem[] };
}

export interface PolicyDocument {
	readonly text: string;
	readonly etag: string;
	readonly generation: number;
	readonly mode: string;
	readonly source: string;
	readonly origin: string;
	readonly loadedAt: Date;
}

export interface Problem {
	readonly file: string;
	readonly line: number;
	readonly column: number;
	readonly path: string;
	readonly message: string;
	readonly expected: string;
	readonly suggestion?: string;
}
