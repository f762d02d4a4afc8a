import type { HistoryQuery, HistoryReader, RowForm, Source, Unwritten, WrittenPage } from "../records/contract.ts";
import { FilterError } from "../records/filter.ts";
import type { ApiServices } from "./services.ts";

/** Rows of one answer at most. */
export const PAGE = 1_000;

/** Cursors say where they lead on: one of history means nothing to memory. */
export function readCursor(text: string | undefined): { readonly from?: Source; readonly cursor?: string } {
	if (text === undefined) return {};
	const from = SOURCES[text.slice(0, 2)];
	if (from === undefined) throw new FilterError("cursor", text.slice(0, 40), "the next of an earlier page");
	return { from, cursor: text.slice(2) };
}

export function writeCursor(source: Source, next: string | null): string | null {
	return next === null ? null : `${source[0]}.${next}`;
}

const SOURCES: Readonly<Record<string, Source>> = { "h.": "history", "m.": "memory", "b.": "both" };

export interface Answered<T> {
	readonly source: Source;
	readonly unwritten: Unwritten | null;
	readonly value: T;
}

/** Of history, if it can be read; else of memory, unless it must be history. */
export async function askRecords<T>(
	records: ApiServices["records"],
	from: Source | undefined,
	question: (reader: HistoryReader) => Promise<T>,
): Promise<Answered<T>> {
	const { source, unwritten, reader } = await records(from);
	try {
		return { source, unwritten, value: await question(reader) };
	} catch (error) {
		const { name, code } = error as { name?: string; code?: string };
		if (name !== "HistoryError" || code === "bad_cursor" || code === "busy" || from === "history") throw error;
		const memory = await records("memory");
		return { source: memory.source, unwritten: memory.unwritten, value: await question(memory.reader) };
	}
}

/** A page that ran out of time while it searched is gone on with; an empty one is left to whoever asked. */
export async function writePage(
	reader: HistoryReader,
	form: RowForm,
	query: HistoryQuery & { readonly limit: number },
): Promise<WrittenPage> {
	const limit = Math.min(query.limit, PAGE);
	const parts: Uint8Array[] = [];
	let count = 0;
	let next: string | null = query.cursor ?? null;
	do {
		const page: WrittenPage = await reader.write(
			{ ...query, limit: limit - count, ...(next === null ? {} : { cursor: next }) },
			form,
		);
		parts.push(...page.parts);
		count += page.count;
		next = page.next;
		if (page.count === 0) break;
	} while (next !== null && count < limit);
	return { parts, count, next };
}
