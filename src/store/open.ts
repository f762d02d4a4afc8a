import type { Worker } from "node:worker_threads";
import { VERDICT } from "../native/layout.ts";
import type {
	History,
	HistoryOptions,
	HistoryQuery,
	HistoryStatus,
	LogQuery,
	NamesQuery,
	TopQuery,
} from "../records/contract.ts";
import { HistoryError } from "../records/contract.ts";
import { decodeCursor, encodeCursor, limitOf, nameCursor, nameOfCursor, wanted } from "./filter-keys.ts";
import type { FindOptions } from "./find.ts";
import type { WriterData } from "./messages.ts";
import { ReaderLink } from "./reader-link.ts";
import type { LogOptions } from "./requests.ts";
import { WriterLink } from "./writer-link.ts";

/** Returns at once; the file is opened by the writer's thread. */
export function openHistory(options: HistoryOptions, startWriter?: (data: WriterData) => Worker): History {
	const { file, maxAge, maxBytes, describe, onFailure = () => {}, buffer = 65_536 } = options;
	const writer: WriterLink = new WriterLink({
		file,
		maxAge,
		maxBytes,
		describe,
		buffer,
		onFailure,
		onOpened: () => reader.reopen(),
		...(startWriter === undefined ? {} : { startWorker: startWriter }),
	});
	const reader = new ReaderLink(file, () => writer.check());
	const checkOn = async () => {
		await writer.ready;
		if (writer.state !== "off") return;
		throw new HistoryError("off", writer.failure?.message ?? "The history is off");
	};

	return {
		record: (connection) => writer.add((batch) => batch.add(connection), connection.verdict !== VERDICT.allow),
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
			await reader.close();
		},

		async query(query: HistoryQuery) {
			await checkOn();
			const options = findOptions(query);
			const { rows, next } = await reader.ask("query", options);
			return { rows, next: next === null ? null : encodeCursor(options.sort, next) };
		},
		async write(query, form) {
			await checkOn();
			const options = findOptions(query);
			const { bytes, count, next } = await reader.ask("write", { ...options, form });
			const parts = count === 0 ? [] : [bytes];
			return { parts, count, next: next === null ? null : encodeCursor(options.sort, next) };
		},
		async get(id) {
			await checkOn();
			return reader.ask("get", id);
		},
		async top({ groupBy, filter, sort = "count", limit }: TopQuery) {
			await checkOn();
			return reader.ask("top", { groupBy, wanted: wanted(filter), sort, limit: limitOf(limit, 20) });
		},
		async names({ name, since, limit, cursor }: NamesQuery) {
			await checkOn();
			const { rows, next } = await reader.ask("names", {
				pattern: wanted(name === undefined ? {} : { name }).name,
				since: wanted(since === undefined ? {} : { since }).since,
				limit: limitOf(limit, 100),
				after: cursor === undefined ? "" : nameOfCursor(cursor),
			});
			return { rows, next: next === null ? null : nameCursor(next) };
		},
		async name(name) {
			await checkOn();
			return reader.ask("name", name.toLowerCase().replace(/\.$/, ""));
		},
		async known(ids) {
			await checkOn();
			return new Set(await reader.ask("known", ids));
		},
		async policyChanges(query) {
			await checkOn();
			return reader.ask("policyChanges", logOptions(query));
		},
		async starts(query) {
			await checkOn();
			return reader.ask("starts", logOptions(query));
		},
	};
}

/* Characters of a policy that are kept. */
const TEXT = 256 * 1024;
/* ms after which a page of a search that finds little is given out short. */
const PATIENCE = 1_000;

function findOptions({ filter, sort = "-first", limit, cursor }: HistoryQuery): FindOptions {
	return {
		wanted: wanted(filter),
		sort,
		limit: limitOf(limit, 100),
		after: decodeCursor(sort, cursor),
		patience: PATIENCE,
	};
}

function logOptions({ since = 0, limit }: LogQuery): LogOptions {
	return { since: Math.floor(since * 1000), limit: limitOf(limit, 100) };
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
		failures: counts.failures,
		writerRestarts: counts.restarts,
		failure,
	};
}
