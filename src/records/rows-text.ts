import type { HistoryRecord, RowForm } from "./contract.ts";
import { csvRow } from "./csv.ts";

/** By the form of the rows. */
const WRITERS: Readonly<Record<RowForm, (rows: readonly HistoryRecord[]) => string>> = {
	json: (rows) => rows.map((row) => JSON.stringify(row)).join(","),
	ndjson: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
	csv: (rows) => rows.map(csvRow).join(""),
};

/** Rows as UTF-8, in their own buffer, so that it can be transferred to another thread. */
export function rowsText(rows: readonly HistoryRecord[], form: RowForm): Uint8Array<ArrayBuffer> {
	return new TextEncoder().encode(WRITERS[form](rows));
}
