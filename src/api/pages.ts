import type { Socket } from "node:net";
import { TIMES } from "../base/config.ts";
import type {
	Asker,
	HistoryQuery,
	HistoryReader,
	RowForm,
	Source,
	Unwritten,
	WrittenPage,
} from "../records/contract.ts";
import { FilterError, HistoryError } from "../records/query-errors.ts";
import type { HidesArguments } from "./access.ts";
import type { QueryTurns } from "./query-turns.ts";
import type { ApiServices } from "./services.ts";

/** Maximum number of rows in a response. */
export const PAGE = 1_000;

/** A cursor names its source: a position in the history means nothing in memory. Throws FilterError for another text. */
export function readCursor(text: string | undefined): { readonly from?: Source; readonly cursor?: string } {
	if (text === undefined) return {};
	const from = SOURCES.get(text.slice(0, 2));
	if (from === undefined) throw new FilterError("cursor", text.slice(0, 40), "the `next` of a page");
	return { from, cursor: text.slice(2) };
}

/** The cursor for clients; `next` is the source's cursor. */
export function writeCursor(source: Source, next: string | null): string | null {
	return next === null ? null : `${source[0]}.${next}`;
}

const SOURCES: ReadonlyMap<string, Source> = new Map(
	Object.entries<Source>({ "h.": "history", "m.": "memory", "b.": "both" }),
);

/** The records, and the turns of those who query them. */
export interface Queries {
	readonly records: ApiServices["records"];
	readonly turns: QueryTurns;
	readonly hidesArguments: HidesArguments;
}

/** An answer with its source. */
export interface Answered<T> {
	readonly source: Source;
	readonly unwritten: Unwritten | null;
	readonly value: T;
}

/** Queries the source that `from` names or the daemon chooses. Memory answers if the history cannot be read, unless `from` is "history". */
export async function queryRecords<T>(
	{ records, turns }: Queries,
	socket: Socket,
	from: Source | undefined,
	query: (reader: HistoryReader) => Promise<T>,
): Promise<Answered<T>> {
	return turns.take(socket, (asker) => queried(records, asker, from, query));
}

async function queried<T>(
	records: ApiServices["records"],
	asker: Asker,
	from: Source | undefined,
	query: (reader: HistoryReader) => Promise<T>,
): Promise<Answered<T>> {
	const { source, unwritten, reader } = await records(asker, from);
	try {
		return { source, unwritten, value: await query(reader) };
	} catch (error) {
		const isDown = error instanceof HistoryError && (error.code === "off" || error.code === "unreadable");
		if (!isDown || from === "history") throw error;
		const memory = await records(asker, "memory");
		return { source: memory.source, unwritten: memory.unwritten, value: await query(memory.reader) };
	}
}

/** Continues after a short page, until the limit is reached. An empty page is returned: the client continues from its `next`. */
export async function writePage(
	reader: HistoryReader,
	form: RowForm,
	query: HistoryQuery & { readonly limit: number },
): Promise<WrittenPage> {
	const limit = Math.min(query.limit, PAGE);
	const parts: Uint8Array[] = [];
	let count = 0;
	let next: string | null = query.cursor ?? null;
	/* A search that finds little returns a page after each second. */
	const end = performance.now() + TIMES.query;
	do {
		const page: WrittenPage = await reader.write(
			{ ...query, limit: limit - count, ...(next === null ? {} : { cursor: next }) },
			form,
		);
		parts.push(...page.parts);
		count += page.count;
		next = page.next;
		if (page.count === 0) break;
	} while (next !== null && count < limit && performance.now() < end);
	return { parts, count, next };
}
