/** Positions in a sorted list, as cursors carry them, and the limit of a page. */
import type { HistorySort } from "../records/contract.ts";
import { FilterError, HistoryError } from "../records/query-errors.ts";

/** Throws FilterError for a limit that is not a whole number from 1 to 10,000. */
export function limitOf(limit: number | undefined, fallback: number): number {
	if (limit === undefined) return fallback;
	if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT)
		throw new FilterError("limit", String(limit), `a number from 1 to ${LIMIT}`);
	return limit;
}

/** The last record of a page: the value that the list is sorted by, and the id. */
export interface Position {
	readonly value: number;
	readonly id: number;
}

/** Opaque to clients; `decodeCursor` reads it. */
export function encodeCursor(sort: HistorySort, position: Position): string {
	return Buffer.from(`${sort} ${position.value} ${position.id}`).toString("base64url");
}

/** Null without a cursor. Throws HistoryError `bad_cursor` for a cursor of another sort or of another origin. */
export function decodeCursor(sort: HistorySort, cursor: string | undefined): Position | null {
	if (cursor === undefined) return null;
	const [of, value, id, rest] = Buffer.from(cursor, "base64url").toString("utf8").split(" ");
	const position = { value: Number(value), id: Number(id) };
	if (of !== sort || rest !== undefined || !Number.isSafeInteger(position.value) || !Number.isSafeInteger(position.id))
		throw new HistoryError("bad_cursor", "The cursor does not belong to a list of this sort");
	return position;
}

/** The cursor of a page of names that ends with this one. */
export function nameCursor(name: string): string {
	return Buffer.from(name).toString("base64url");
}

/** The last name of the previous page. */
export function nameOfCursor(cursor: string): string {
	return Buffer.from(cursor, "base64url").toString("utf8");
}

const LIMIT = 10_000;
