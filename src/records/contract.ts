import type { Connection } from "./connection.ts";
import type { ConnectionFilter, Term } from "./filter.ts";
import type { ListWord } from "./filter-words.ts";
import type { HistoryStatus } from "./history-status.ts";
import type { ConnectionView } from "./view.ts";

/**
 * The history in one SQLite file: connections and DNS questions, DNS answers, policy changes and daemon starts. Recording never waits
 * and never throws: one thread writes batches, another one reads. While the file cannot be written, records wait in bounded memory;
 * beyond that they are dropped and counted.
 *
 * `Connection.id` is the key and has to outlive the daemon (src/store/ids.ts). Recording a connection again changes its row.
 */
export interface History extends HistoryAs {
	/** A connection or a DNS question, once it has settled, and again whenever it has changed or ended. */
	record(connection: Connection): void;
	recordAnswer(answer: AnswerRecord): void;
	recordPolicyChange(change: PolicyChange): void;
	recordStart(start: DaemonStart): void;
	/** The queries of a caller. Those of the history itself are the daemon's own. */
	as(asker: Asker): HistoryAs;
	/** The status that the writer last reported, without a query. */
	status(): HistoryStatus;
	/** Resolves when all records so far are in the file, or were dropped. */
	flush(): Promise<void>;
	/** Writes the records that wait, for two seconds at most, and ends the threads. */
	close(): Promise<void>;
}

/** The caller of queries. */
export interface Asker {
	/** Its queries do not wait for those of others. */
	readonly isFirst: boolean;
	/** Aborted when the caller has gone: its queries end. */
	readonly signal: AbortSignal;
}

/** The daemon itself. */
export const OWN: Asker = { isFirst: true, signal: new AbortController().signal };

/** Queries. Each may reject with HistoryError, or with FilterError for a limit out of range (./query-errors.ts). */
export interface HistoryReader {
	query(query: HistoryQuery): Promise<HistoryPage>;
	/** The same as text, formatted off the event loop. */
	write(query: HistoryQuery, form: RowForm): Promise<WrittenPage>;
	/** Null: there is no such record. */
	get(id: number): Promise<HistoryRecord | null>;
	/** Sums of the connections that began within the filter's bounds. */
	top(query: TopQuery): Promise<readonly TopRow[]>;
	names(query: NamesQuery): Promise<NamesPage>;
	/** By its exact text, in any case, with or without a dot at the end. Null: not seen. */
	name(name: string): Promise<NameRecord | null>;
	/** Newest first. */
	policyChanges(query: LogQuery): Promise<readonly PolicyChange[]>;
	starts(query: LogQuery): Promise<readonly DaemonStart[]>;
}

export interface HistoryAs extends HistoryReader {
	/** The subset of the ids that is in the file. */
	known(ids: readonly number[]): Promise<ReadonlySet<number>>;
}

/** By the time of the beginning: newest or oldest first. The other sorts read every selected row: bound them by `since`. */
export type HistorySort = "-first" | "first" | "-last" | "-bytesOut" | "-bytesIn";

export interface HistoryQuery {
	readonly filter?: ConnectionFilter;
	/** Default "-first". */
	readonly sort?: HistorySort;
	/** 1 to 10,000; default 100. */
	readonly limit?: number;
	/** The records are without the arguments of their processes. */
	readonly hideArguments?: boolean;
	/** `next` of the previous page; opaque. Filter and sort have to be the same. */
	readonly cursor?: string;
}

export interface HistoryPage {
	readonly rows: readonly HistoryRecord[];
	/** Null: this is the last page. A page may be short, even empty, and still have a next one: a search stops after its time. */
	readonly next: string | null;
}

/** The format of rows: JSON values separated by commas, one JSON value a line, or RFC 4180 without the header. */
export type RowForm = "json" | "ndjson" | "csv";

/** A page as text. */
export interface WrittenPage {
	/** To be concatenated; in form "json" with a comma between. None is empty. */
	readonly parts: readonly Uint8Array[];
	readonly count: number;
	/** As in HistoryPage. */
	readonly next: string | null;
}

/** The whole record: the view, and the fields that only lists of records show. */
export interface HistoryRecord extends ConnectionView {
	/** [µs] Smoothed round-trip time of TCP; null: not measured. */
	readonly rttUs: number | null;
	readonly retransmits: number;
	/** The TLS ClientHello was encrypted (ECH). */
	readonly encryptedHello: boolean;
}

/** `top` groups by the words of filters. */
export type TopField = ListWord;

export interface TopQuery {
	readonly groupBy: readonly [TopField] | readonly [TopField, TopField];
	readonly filter?: ConnectionFilter;
	/** Default "count". */
	readonly sort?: "count" | "denied" | "wouldDeny" | "bytesOut" | "bytesIn" | "last";
	/** 1 to 10,000; default 20. */
	readonly limit?: number;
}

export interface TopRow {
	/** By field of `groupBy`; null: the records have no such value. */
	readonly key: Readonly<Partial<Record<TopField, string | number | null>>>;
	readonly count: number;
	readonly denied: number;
	readonly wouldDeny: number;
	readonly bytesOut: number;
	readonly bytesIn: number;
	/** ISO 8601, UTC. */
	readonly first: string;
	readonly last: string;
}

export interface NamesQuery {
	/** Terms of the word "name". */
	readonly terms?: readonly Term[];
	/** Wall clock [ms]: seen at or after it. */
	readonly since?: number;
	readonly limit?: number;
	readonly cursor?: string;
}

/** In alphabetical order. */
export interface NamesPage {
	readonly rows: readonly NameSummary[];
	readonly next: string | null;
}

export interface NameSummary {
	readonly name: string;
	readonly first: string;
	readonly last: string;
	/** Counts cover the records that history still holds. */
	readonly questions: number;
	readonly connections: number;
	readonly denied: number;
	readonly wouldDeny: number;
	readonly addresses: readonly string[];
}

export interface NameRecord extends Omit<NameSummary, "addresses"> {
	readonly addresses: readonly {
		readonly address: string;
		/** [s] Of the last answer. */
		readonly ttl: number;
		readonly first: string;
		readonly last: string;
		/** A trusted resolver gave the answer. */
		readonly trusted: boolean;
	}[];
	/** The clients that queried it or connected to it, the most recent first; at most MOST_CLIENTS. */
	readonly askedBy: readonly {
		readonly process: string;
		readonly exe: string | null;
		readonly unit: string | null;
		readonly container: string | null;
		readonly uid: number;
		readonly user: string | null;
		readonly questions: number;
		readonly connections: number;
		readonly last: string;
	}[];
}

export interface LogQuery {
	readonly since?: number;
	readonly limit?: number;
}

/** One address of a DNS answer. */
export interface AnswerRecord {
	readonly name: string;
	/** Packed (../base/address.ts). */
	readonly address: string;
	/** [s] */
	readonly ttl: number;
	/** Wall clock [ms]. */
	readonly time: number;
	readonly trusted: boolean;
	/** Cookie of the network namespace for which the address was learned; missing: it was not. */
	readonly netns?: number;
}

export interface PolicyChange {
	/** Wall clock [ms]. */
	readonly time: number;
	readonly loaded: boolean;
	/** In force after the change. */
	readonly generation: number;
	readonly mode: string | null;
	readonly origin: string;
	readonly source: string;
	readonly etag: string | null;
	/** The policy that was loaded, if it is not longer than 256 KiB. */
	readonly text: string | null;
	/** The reasons why it was refused. */
	readonly problems: readonly string[];
}

export interface DaemonStart {
	/** Wall clock [ms]. */
	readonly time: number;
	readonly version: string;
	readonly pid: number;
	/** The daemon took over the programs of an earlier one. */
	readonly adopted: boolean;
	readonly generation: number;
	readonly kernel: string;
}

/** Addresses that a summary of a name lists at most. */
export const SUMMARY_ADDRESSES = 16;
/** Clients that the record of a name lists at most. */
export const MOST_CLIENTS = 100;

/** Source of an answer: the file, memory, or both merged. */
export type Source = "history" | "memory" | "both";

/** A reader for one query. */
export interface Records {
	readonly source: Source;
	readonly reader: HistoryReader;
	readonly unwritten: Unwritten | null;
}

/** Records are not written to history at present. */
export interface Unwritten {
	/** ISO 8601, UTC. */
	readonly since: string;
	readonly why: string;
}
