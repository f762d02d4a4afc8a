import { FilterError } from "../connections/filter.ts";
import type { HistoryPage, HistoryQuery, HistoryReader, HistoryRecord } from "../store/history.ts";
import type { ApiServices, Source } from "./services.ts";

/** Rows of one answer at most. */
export const PAGE = 1_000;

/** Cursors say where they lead on: one of history means nothing to memory. */
export function readCursor(text: string | undefined): { readonly from?: Source; readonly cursor?: string } {
	if (text === undefined) return {};
	const from = text.startsWith("h.") ? "history" : text.startsWith("m.") ? "memory" : null;
	if (from === null) throw new FilterError("cursor", text.slice(0, 40), "the next of an earlier page");
	return { from, cursor: text.slice(2) };
}

export function writeCursor(source: Source, next: string | null): string | null {
	return next === null ? null : `${source === "history" ? "h" : "m"}.${next}`;
}

export interface Answered<T> {
	readonly source: Source;
	readonly value: T;
}

/** Of history, if it can be read; else of memory, unless it must be history. */
export async function askRecords<T>(
	records: ApiServices["records"],
	from: Source | undefined,
	question: (reader: HistoryReader) => Promise<T>,
): Promise<Answered<T>> {
	const { source, reader } = await records(from);
	try {
		return { source, value: await question(reader) };
	} catch (error) {
		const { name, code } = error as { name?: string; code?: string };
		if (name !== "HistoryError" || code === "bad_cursor" || code === "busy" || from === "history") throw error;
		const memory = await records("memory");
		return { source: memory.source, value: await question(memory.reader) };
	}
}

/** In parts: what comes from another thread is unpacked in one go, and many rows of it would hold up the ring. */
export async function readPage(reader: HistoryReader, query: HistoryQuery & { limit: number }): Promise<HistoryPage> {
	const limit = Math.min(query.limit, PAGE);
	const rows: HistoryRecord[] = [];
	let next: string | null = query.cursor ?? null;
	do {
		const part: HistoryPage = await reader.query({
			...query,
			limit: Math.min(limit - rows.length, PART),
			...(next === null ? {} : { cursor: next }),
		});
		for (const row of part.rows) rows.push(row);
		next = part.next;
		/* An empty part means that the search took its time: whoever asked goes on from there. */
		if (part.rows.length === 0) break;
	} while (next !== null && rows.length < limit);
	return { rows, next };
}

const PART = 200;
