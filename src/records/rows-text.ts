import type { HistoryRecord, RowForm } from "./contract.ts";
import { csvRow } from "./csv.ts";

const WRITERS: Readonly<Record<RowForm, (rows: readonly HistoryRecord[]) => string>> = {
	json: (rows) => rows.map((row) => JSON.stringify(row)).join(","),
	ndjson: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
	csv: (rows) => rows.map(csvRow).join(""),
};

/** UTF-8, in a buffer of its own. */
export function rowsText(rows: readonly HistoryRecord[], form: RowForm): Uint8Array<ArrayBuffer> {
	return new TextEncoder().encode(WRITERS[form](rows));
}
