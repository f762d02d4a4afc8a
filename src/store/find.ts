/**
 * A page of connections. In the order of time it reads the rows that are not sealed, then each segment, through its entries if
 * the query allows. The first rows are returned quickly however large the file is. A search that finds little stops after its
 * time limit, with a position from which the next page continues.
 */
import type { DatabaseSync } from "node:sqlite";
import type { HistorySort } from "../records/contract.ts";
import type { Term } from "../records/filter.ts";
import type { Position } from "./cursors.ts";
import { going } from "./interrupt.ts";
import { rowsSql } from "./rows.ts";
import { readSealed, readSegments } from "./segments.ts";
import { type Selection, select, sqlOf } from "./selection.ts";
import { LONG } from "./tables.ts";
import { allRows } from "./typed-rows.ts";

/** The selection of a query. */
export interface Selected {
	/** [µs] Active at or after it; null: no bound. */
	readonly since: number | null;
	/** [µs] Began before it; null: no bound. */
	readonly until: number | null;
	readonly terms: readonly Term[];
}

export interface Found {
	readonly ids: readonly number[];
	readonly next: Position | null;
}

export interface FindOptions extends Selected {
	readonly sort: HistorySort;
	readonly limit: number;
	readonly after: Position | null;
	/** [ms] A search that takes longer returns a short page. */
	readonly budget: number;
}

export function find(database: DatabaseSync, options: FindOptions): Found {
	const selection = select(database, options.terms);
	if (selection.empty) return { ids: [], next: null };
	return options.sort === "first" || options.sort === "-first"
		? byTime(database, selection, options)
		: byValue(database, selection, options, VALUES[options.sort]);
}

/** The statement that reads one range of ids. Parameters: ?1 to ?3 low, high and limit, ?4 the segment. Exported for its plan's test. */
export function rangeSql(
	{ conditions, keys }: Selection,
	since: number | null,
	ascending: boolean,
	sealed: boolean,
): string {
	const direction = ascending ? "ASC" : "DESC";
	const entries = sealed ? keys : null;
	const where = conditions.filter((each) => each !== entries?.condition).map((each) => ` AND ${sqlOf(each)}`);
	if (since !== null) where.push(" AND (last >= ? OR open = 1)");
	const given = "WITH given(low, high, most, segment) AS (SELECT ?1, ?2, ?3, ?4) ";
	if (entries === null)
		return `${given}SELECT id FROM connection WHERE id >= ?1 AND id < ?2 AND ${going("id")}${where.join("")} ORDER BY id ${direction} LIMIT ?3`;
	const { column, condition } = entries;
	const rows = `by_${column} WHERE segment = ?4 AND ${sqlOf(condition)} AND id >= ?1 AND id < ?2`;
	/* Entries first, then rows by their ids. Without further conditions the entries are the answer. */
	return where.length === 0
		? `${given}SELECT id FROM ${rows} ORDER BY id ${direction} LIMIT ?3`
		: `${given}SELECT c.id FROM (SELECT id AS entry FROM ${rows}) CROSS JOIN connection c ON c.id = entry ` +
				`WHERE ${going("c.id")}${where.join("")} ORDER BY c.id ${direction} LIMIT ?3`;
}

/** Connections that began before the range and were active in it: few, with two partial indexes. Exported for its plan's test. */
export function earlierSql({ conditions }: Selection): string {
	const where = conditions.map((each) => ` AND ${sqlOf(each)}`).join("");
	/* SQLite numbers a bare "?" after the highest number so far: ?1 to ?3 have to come first. */
	return (
		"WITH given(a, b, c) AS (SELECT ?1, ?2, ?3) " +
		`SELECT id FROM connection INDEXED BY connection_open WHERE open > 0 AND open = 1 AND id >= ?1 AND id < ?2${where} ` +
		`UNION SELECT id FROM connection INDEXED BY connection_long WHERE last - id >= ${LONG} AND last >= ?3 ` +
		`AND id >= ?1 AND id < ?2${where} ORDER BY id`
	);
}

/** Above every id. */
const END = Number.MAX_SAFE_INTEGER;
const VALUES = { "-last": "last", "-bytesOut": "bytes_out", "-bytesIn": "bytes_in" } as const;

interface Range {
	readonly low: number;
	readonly high: number;
	/** Null: not sealed, or left over from a segment that was dropped. */
	readonly segment: number | null;
}

function byTime(database: DatabaseSync, selection: Selection, options: FindOptions): Found {
	const { since, until, limit, after, budget } = options;
	const ascending = options.sort === "first";
	const deadline = performance.now() + budget;
	const split = since === null ? 0 : Math.max(0, since - LONG);
	const low = Math.max(split, ascending && after !== null ? after.id + 1 : 0);
	const high = Math.min(until ?? END, !ascending && after !== null ? after.id : END);
	const read = rangeReader(database, selection, since, ascending);
	const ids: number[] = [];
	const full = () => ids.length > limit;
	const earlier = () => {
		if (since === null || split === 0 || full()) return;
		const from = ascending && after !== null ? after.id + 1 : 0;
		const found = readEarlier(database, selection, from, Math.min(split, high), since);
		ids.push(...(ascending ? found : found.toReversed()).slice(0, limit + 1 - ids.length));
	};
	if (ascending) earlier();
	const ranges = rangesOf(database, low, high);
	for (const [index, range] of (ascending ? ranges : ranges.toReversed()).entries()) {
		if (full()) break;
		/* Not before the first range: every page makes progress. */
		if (index > 0 && performance.now() > deadline) {
			const id = ascending ? range.low - 1 : range.high;
			return { ids, next: { value: id, id } };
		}
		ids.push(...read(range, limit + 1 - ids.length));
	}
	if (!ascending) earlier();
	if (!full()) return { ids, next: null };
	const id = ids[limit - 1] ?? 0;
	return { ids: ids.slice(0, limit), next: { value: id, id } };
}

/** In the order of time. */
function rangesOf(database: DatabaseSync, low: number, high: number): Range[] {
	const segments = readSegments(database);
	const sealed = segments.length === 0 ? 0 : readSealed(database);
	const all: Range[] = [
		{ low: 0, high: segments[0]?.low ?? 0, segment: null },
		...segments.map(({ id, ...range }) => ({ low: range.low, high: range.high, segment: id })),
		{ low: sealed, high: END, segment: null },
	];
	return all
		.map((range) => ({ ...range, low: Math.max(range.low, low), high: Math.min(range.high, high) }))
		.filter((range) => range.low < range.high);
}

function rangeReader(database: DatabaseSync, selection: Selection, since: number | null, ascending: boolean) {
	const bound = since === null ? [] : [since];
	const prepare = (sealed: boolean) => {
		const statement = database.prepare(rangeSql(selection, since, ascending, sealed));
		statement.setReturnArrays(true);
		const key = sealed ? selection.keys?.condition : undefined;
		const rest = selection.conditions.filter((each) => each !== key);
		const own = [...(key === undefined ? [] : [key]), ...rest].flatMap(({ parameters }) => parameters);
		return ({ low, high, segment }: Range, limit: number) =>
			allRows<readonly [number]>(statement, low, high, limit, segment, ...own, ...bound).map(([id]) => id);
	};
	const plain = prepare(false);
	const sealed = selection.keys === null ? plain : prepare(true);
	return (range: Range, limit: number) => (range.segment === null ? plain : sealed)(range, limit);
}

function readEarlier(database: DatabaseSync, selection: Selection, low: number, high: number, since: number): number[] {
	const own = selection.conditions.flatMap(({ parameters }) => parameters);
	const statement = database.prepare(earlierSql(selection));
	return allRows<{ readonly id: number }>(statement, low, high, since, ...own, ...own).map(({ id }) => id);
}

/** Reads every row that the filter selects. */
function byValue(database: DatabaseSync, selection: Selection, options: FindOptions, column: string): Found {
	const { since, until, limit, after } = options;
	const columns = `id, ${column} AS value, last, open`;
	const { sql, parameters } = rowsSql(database, selection, columns, 0, until ?? END);
	const where: string[] = [];
	const more: number[] = [];
	if (since !== null) {
		where.push("(last >= ? OR open = 1)");
		more.push(since);
	}
	if (after !== null) {
		where.push("(value, id) < (?, ?)");
		more.push(after.value, after.id);
	}
	const statement = database.prepare(
		`SELECT id, value FROM (${sql}) WHERE ${[...where, "1"].join(" AND ")} ORDER BY value DESC, id DESC LIMIT ?`,
	);
	const rows = allRows<Position>(statement, ...parameters, ...more, limit + 1);
	const last = rows[limit - 1];
	return {
		ids: rows.slice(0, limit).map(({ id }) => id),
		next: rows.length > limit && last !== undefined ? { value: last.value, id: last.id } : null,
	};
}
