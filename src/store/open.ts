import type { Worker } from "node:worker_threads";
import { VERDICT } from "../native/layout.ts";
import {
	type Asker,
	type History,
	type HistoryAs,
	type HistoryQuery,
	type LogQuery,
	type NamesQuery,
	OWN,
	type TopQuery,
} from "../records/contract.ts";
import type { ConnectionFilter } from "../records/filter.ts";
import { type HistoryFailure, type HistoryStatus, THROTTLED } from "../records/history-status.ts";
import { normalName } from "../records/patterns.ts";
import { HistoryError } from "../records/query-errors.ts";
import type { Describer } from "../records/view.ts";
import { decodeCursor, encodeCursor, limitOf, nameCursor, nameOfCursor } from "./cursors.ts";
import type { Selected } from "./find.ts";
import type { WriterData } from "./messages.ts";
import { mergeThrottled } from "./queue-shares.ts";
import { Readers } from "./readers.ts";
import type { LogOptions, Operation, PageOptions, Requests } from "./requests.ts";
import { WriterLink } from "./writer-link.ts";

export interface HistoryOptions {
	readonly file: string;
	/** [ms] Older records are deleted. */
	readonly maxAge: number;
	/** Maximum size of the file and its write-ahead log [bytes]. */
	readonly maxBytes: number;
	/** Texts of a process that the process table does not keep. */
	readonly describe: Describer;
	/** Called once when a failure begins, and with null when writing has resumed. */
	readonly onFailure?: (failure: HistoryFailure | null) => void;
	/** Maximum number of records that wait in memory. */
	readonly buffer: number;
	/** Longest time of a query [ms]; default TIMES.query. */
	readonly queryLimit?: number;
}

/** Returns at once; the writer's thread opens the file. `startWriter` replaces that thread in tests. */
export function openHistory(options: HistoryOptions, startWriter?: (data: WriterData) => Worker): History {
	const { file, maxAge, maxBytes, describe, onFailure = () => {}, buffer, queryLimit } = options;
	const writer: WriterLink = new WriterLink({
		file,
		maxAge,
		maxBytes,
		describe,
		buffer,
		onFailure,
		onOpened: () => readers.reopen(),
		...(startWriter === undefined ? {} : { startWorker: startWriter }),
	});
	const readers = new Readers({
		file,
		onCorrupt: () => writer.check(),
		...(queryLimit === undefined ? {} : { limit: queryLimit }),
	});
	const checkOn = async () => {
		await writer.ready;
		if (writer.state !== "off") return;
		throw new HistoryError("off", writer.failure?.message ?? "History is off");
	};

	const as = (asker: Asker): HistoryAs => readAs(readers, asker, checkOn);
	return {
		...as(OWN),
		as,
		record: (connection) =>
			writer.add((batch) => batch.add(connection), connection.verdict !== VERDICT.allow, connection),
		recordAnswer: (answer) => writer.add(({ batch }) => batch.answers.push(answer)),
		recordPolicyChange: (change) => {
			const text = change.text !== null && change.text.length > TEXT ? null : change.text;
			writer.add(
				({ batch }) => batch.policyChanges.push({ ...change, text, problems: change.problems.slice(0, 100) }),
				true,
			);
		},
		recordStart: (start) => writer.add(({ batch }) => batch.starts.push(start), true),
		flush: () => writer.flush(),
		status: () => statusOf(file, writer),
		async close() {
			await writer.close();
			await readers.close();
		},
	};
}

function readAs(readers: Readers, asker: Asker, checkOn: () => Promise<void>): HistoryAs {
	const ask: <K extends Operation>(operation: K, query: Requests[K][0]) => Promise<Requests[K][1]> = (
		operation,
		query,
	) => readers.query(asker, operation, query);
	return {
		async query(query: HistoryQuery) {
			await checkOn();
			const options = findOptions(query);
			const { rows, next } = await ask("query", options);
			return { rows, next: next === null ? null : encodeCursor(options.sort, next) };
		},
		async write(query, form) {
			await checkOn();
			const options = findOptions(query);
			const { bytes, count, next } = await ask("write", { ...options, form });
			const parts = count === 0 ? [] : [bytes];
			return { parts, count, next: next === null ? null : encodeCursor(options.sort, next) };
		},
		async get(id) {
			await checkOn();
			return ask("get", id);
		},
		async top({ groupBy, filter, sort = "count", limit }: TopQuery) {
			await checkOn();
			return ask("top", { ...selected(filter), groupBy, sort, limit: limitOf(limit, 20) });
		},
		async names({ terms = [], since, limit, cursor }: NamesQuery) {
			await checkOn();
			const { rows, next } = await ask("names", {
				terms,
				since: since === undefined ? null : micros(since),
				limit: limitOf(limit, 100),
				after: cursor === undefined ? "" : nameOfCursor(cursor),
			});
			return { rows, next: next === null ? null : nameCursor(next) };
		},
		async name(name) {
			await checkOn();
			return ask("name", normalName(name));
		},
		async known(ids) {
			await checkOn();
			return new Set(await ask("known", ids));
		},
		async policyChanges(query) {
			await checkOn();
			return ask("policyChanges", logOptions(query));
		},
		async starts(query) {
			await checkOn();
			return ask("starts", logOptions(query));
		},
	};
}

/* Characters of a policy's text; a longer text is not kept. */
const TEXT = 256 * 1024;
/* [ms] A search that takes longer returns a short page. */
const SEARCH_BUDGET = 1_000;

function findOptions({ filter, sort = "-first", limit, cursor, hideArguments = false }: HistoryQuery): PageOptions {
	return {
		...selected(filter),
		sort,
		limit: limitOf(limit, 100),
		after: decodeCursor(sort, cursor),
		budget: SEARCH_BUDGET,
		hideArguments,
	};
}

function selected({ since, until, terms = [] }: ConnectionFilter = {}): Selected {
	return {
		since: since === undefined ? null : micros(since),
		until: until === undefined ? null : micros(until),
		terms,
	};
}

/** Limited to integers that both SQLite and JavaScript represent exactly. */
function micros(ms: number): number {
	return Math.floor(Math.min(Math.max(ms, 0), 9e12) * 1000);
}

function logOptions({ since = 0, limit }: LogQuery): LogOptions {
	return { since: micros(since), limit: limitOf(limit, 100) };
}

function statusOf(file: string, writer: WriterLink): HistoryStatus {
	const { figures, counts, state, failure, lastWrite, waiting, lag } = writer;
	return {
		file,
		state,
		rows: figures.rows,
		bytes: figures.bytes,
		oldest: figures.oldest,
		lastWrite,
		waiting,
		lag,
		written: counts.written,
		dropped: counts.dropped,
		expired: figures.expired,
		throttled: mergeThrottled(figures.throttled, writer.shares.throttled(), THROTTLED),
		failures: counts.failures,
		writerRestarts: counts.restarts,
		failure,
	};
}
