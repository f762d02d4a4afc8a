/**
 * Rows of a statement as the type that its columns have. `node:sqlite` types every row as a record of any SQL value: the type is
 * stated where the statement is written, and is asserted nowhere else.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

export function firstRow<T>(statement: StatementSync, ...parameters: SQLInputValue[]): T | undefined {
	return statement.get(...parameters) as T | undefined;
}

/** For statements that always have a row: an aggregate, or a row that the schema inserts. Throws if there is none. */
export function onlyRow<T>(statement: StatementSync, ...parameters: SQLInputValue[]): T {
	const row = firstRow<T>(statement, ...parameters);
	if (row === undefined) throw new Error(`no row: ${statement.sourceSQL}`);
	return row;
}

export function allRows<T>(statement: StatementSync, ...parameters: SQLInputValue[]): T[] {
	return statement.all(...parameters) as T[];
}

/** Row by row, without holding all of them. */
export function eachRow<T>(statement: StatementSync, ...parameters: SQLInputValue[]): Iterable<T> {
	return statement.iterate(...parameters) as Iterable<T>;
}

/** The statements of a table of SQL texts, prepared. */
export function prepareAll<K extends string>(
	database: Pick<DatabaseSync, "prepare">,
	texts: Readonly<Record<K, string>>,
): Readonly<Record<K, StatementSync>> {
	const prepared: Partial<Record<K, StatementSync>> = {};
	for (const key in texts) prepared[key] = database.prepare(texts[key]);
	return prepared as Record<K, StatementSync>;
}
