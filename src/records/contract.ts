import type { Connection } from "./connection.ts";
import type { ConnectionFilter } from "./filter.ts";
import type { ConnectionView, Describer } from "./view.ts";

/**
 * What is kept of the past, in one SQLite file: connections and DNS questions, answers, policy changes and daemon starts.
 * Writing is a call that never waits and never throws; a thread of its own writes in batches. Reading happens in another
 * thread. When the file cannot be written, records wait in bounded memory, then are dropped and counted.
 *
 * `Connection.id` is the key and must outlive the daemon: give ConnectionTable the ids of ids.ts. Recording
 * the same connection again changes its row.
 */
export interface History extends HistoryReader {
	/** A connection or a DNS question, when it has settled, and again when it has changed or ended. */
	record(connection: Connection): void;
	recordAnswer(answer: AnswerRecord): void;
	recordPolicyChange(change: PolicyChange): void;
	recordStart(start: DaemonStart): void;
	/** Those of the ids that are in the file. */
	known(ids: readonly number[]): Promise<ReadonlySet<number>>;
	/** As the writer last reported it; costs nothing. */
	status(): HistoryStatus;
	/** Resolves when all that was recorded so far is in the file, or was dropped. */
	flush(): Promise<void>;
	/** Writes what waits (for at most two seconds if the file does not take it), and ends the threads. */
	close(): Promise<void>;
}

/**
 * What the API needs. Each may reject with a HistoryError, or with a FilterError (./filter.ts)
 * for a value that is not of its form.
 */
export interface HistoryReader {
	query(query: HistoryQuery): Promise<HistoryPage>;
	/** The same, written out where it does not hold up the event loop. */
	write(query: HistoryQuery, form: RowForm): Promise<WrittenPage>;
	get(id: number): Promise<HistoryRecord | null>;
	top(query: TopQuery): Promise<readonly TopRow[]>;
	names(query: NamesQuery): Promise<NamesPage>;
	/** Exact, any case, a dot at the end is dropped. */
	name(name: string): Promise<NameRecord | null>;
	/** Newest first. */
	policyChanges(query: LogQuery): Promise<readonly PolicyChange[]>;
	starts(query: LogQuery): Promise<readonly DaemonStart[]>;
}

/** By time it began: newest or oldest first. The others read all that the filter leaves: give them a `since`. */
export type HistorySort = "-first" | "first" | "-last" | "-bytesOut" | "-bytesIn";

export interface HistoryQuery {
	readonly filter?: ConnectionFilter;
	/** Default "-first". */
	readonly sort?: HistorySort;
	/** 1 to 10,000; default 100. */
	readonly limit?: number;
	/** `next` of the page before; opaque. Filter and sort must be the same. */
	readonly cursor?: string;
}

export interface HistoryPage {
	readonly rows: readonly HistoryRecord[];
	/** Null: there is no more. A page may be short, even empty, and yet have a next: the search took its time. */
	readonly next: string | null;
}

/** How rows are written: JSON values with commas between, a JSON value a line, or RFC 4180 without its header. */
export type RowForm = "json" | "ndjson" | "csv";

/** A page as text. */
export interface WrittenPage {
	/** One behind the other; of form "json" with a comma between. None is empty. */
	readonly parts: readonly Uint8Array[];
	readonly count: number;
	/** As of HistoryPage. */
	readonly next: string | null;
}

/** The whole record: the view that people know, and what is kept besides. */
export interface HistoryRecord extends ConnectionView {
	readonly rttUs: number | null;
	readonly retransmits: number;
	readonly encryptedHello: boolean;
}

export type TopField =
	| "verdict"
	| "phase"
	| "name"
	| "address"
	| "port"
	| "protocol"
	| "process"
	| "exe"
	| "unit"
	| "container"
	| "user"
	| "rule"
	| "group";

export interface TopQuery {
	readonly groupBy: readonly [TopField] | readonly [TopField, TopField];
	readonly filter?: ConnectionFilter;
	/** Default "count". */
	readonly sort?: "count" | "denied" | "wouldDeny" | "bytesOut" | "bytesIn" | "last";
	/** 1 to 10,000; default 20. */
	readonly limit?: number;
}

export interface TopRow {
	/** By field of groupBy; null: has none. */
	readonly key: Readonly<Partial<Record<TopField, string | number | null>>>;
	readonly count: number;
	readonly denied: number;
	readonly wouldDeny: number;
	readonly bytesOut: number;
	readonly bytesIn: number;
	/** ISO */
	readonly first: string;
	readonly last: string;
}

export interface NamesQuery {
	/** As `name` of ConnectionFilter. */
	readonly name?: string;
	/** Seen at or after it, ms. */
	readonly since?: number;
	readonly limit?: number;
	readonly cursor?: string;
}

/** In the order of the alphabet. */
export interface NamesPage {
	readonly rows: readonly NameSummary[];
	readonly next: string | null;
}

export interface NameSummary {
	readonly name: string;
	readonly first: string;
	readonly last: string;
	/** Within what history still holds. */
	readonly questions: number;
	readonly connections: number;
	readonly denied: number;
	readonly wouldDeny: number;
	readonly addresses: readonly string[];
}

export interface NameRecord extends Omit<NameSummary, "addresses"> {
	readonly addresses: readonly {
		readonly address: string;
		/** Seconds, of the last answer. */
		readonly ttl: number;
		readonly first: string;
		readonly last: string;
		/** Answered by a resolver that is trusted. */
		readonly trusted: boolean;
	}[];
	/** Who asked for it or connected to it, the most recent first; at most 100. */
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
	/** Seconds. */
	readonly ttl: number;
	/** Wall clock, ms. */
	readonly time: number;
	readonly trusted: boolean;
}

export interface PolicyChange {
	/** Wall clock, ms. */
	readonly time: number;
	readonly loaded: boolean;
	/** In force after it. */
	readonly generation: number;
	readonly mode: string | null;
	readonly origin: string;
	readonly source: string;
	readonly etag: string | null;
	/** Of the policy that was loaded, if it is not larger than 256 KiB. */
	readonly text: string | null;
	/** Why it was refused. */
	readonly problems: readonly string[];
}

export interface DaemonStart {
	/** Wall clock, ms. */
	readonly time: number;
	readonly version: string;
	readonly pid: number;
	/** Programs of an earlier daemon were in force. */
	readonly adopted: boolean;
	readonly generation: number;
	readonly kernel: string;
}

export interface HistoryStatus {
	readonly file: string;
	/** writing; waiting (the file does not take what is written: `failure`); off (for good: `failure`, or closed). */
	readonly state: "opening" | "writing" | "waiting" | "off";
	/** Connections and questions in the file. */
	readonly rows: number;
	/** Of the file and its write-ahead log. */
	readonly bytes: number;
	/** Wall clock, ms; null: empty. */
	readonly oldest: number | null;
	/** Of the last batch that is safe in the file. */
	readonly lastWrite: number | null;
	/** Rows recorded and not yet in the file, and the age of the oldest of them, ms. */
	readonly waiting: number;
	readonly lag: number;
	/** Counted since the daemon started. */
	readonly written: number;
	readonly dropped: number;
	readonly expired: number;
	readonly failures: number;
	readonly writerRestarts: number;
	/** What is wrong now, or null. */
	readonly failure: HistoryFailure | null;
}

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
	/** A sentence for a person, with the file and what follows. */
	readonly message: string;
	/** Wall clock, ms. */
	readonly time: number;
}

export interface HistoryOptions {
	readonly file: string;
	/** ms */
	readonly maxAge: number;
	/** Of the file and its write-ahead log. */
	readonly maxBytes: number;
	/** Texts of a process that the table does not keep. */
	readonly describe: Describer;
	/** Each failure once when it begins; `null` when writing goes on. For log and metric. */
	readonly onFailure?: (failure: HistoryFailure | null) => void;
	/** Records that wait in memory at most; default 65,536 (about 25 MB, when the disk stands still). */
	readonly buffer?: number;
}

/** Why a question to the history has no answer. */
export type HistoryErrorCode =
	/** History is off: `status().failure` says why. */
	| "off"
	/** The file cannot be read now. */
	| "unreadable"
	/** The cursor is not one of ours, or of another sort. */
	| "bad_cursor"
	/** Too many questions wait for the reader. */
	| "busy";

export class HistoryError extends Error {
	readonly code: HistoryErrorCode;

	constructor(code: HistoryErrorCode, message: string) {
		super(message);
		this.name = "HistoryError";
		this.code = code;
	}
}

export type Source = "history" | "memory" | "both";

export interface Records {
	readonly source: Source;
	readonly reader: HistoryReader;
	readonly unwritten: Unwritten | null;
}

/** What happens is not written to history now. */
export interface Unwritten {
	/** ISO */
	readonly since: string;
	readonly why: string;
}
