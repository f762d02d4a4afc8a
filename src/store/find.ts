/**
 * A page of connections. By time: what is not sealed, then segment by segment, through its entries where the question allows. So
 * the first rows come at once however much there is, and a question that finds little stops after its time with a
 * position to go on from.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { HistorySort } from "../records/contract.ts";
import type { Position, Wanted } from "./filter-keys.ts";
import { rowsSql } from "./rows.ts";
import { readSealed, readSegments } from "./segments.ts";
import { type Selection, select } from "./selection.ts";
import { LONG } from "./tables.ts";

export interface Found {
	readonly ids: readonly number[];
	readonly next: Position | null;
}

export interface FindOptions {
	readonly wanted: Wanted;
	readonly sort: HistorySort;
	readonly limit: number;
	readonly after: Position | null;
	/** ms after which a page may be short. */
	readonly patience: number;
}

export function find(database: DatabaseSync, options: FindOptions): Found {
	const selection = select(database, options.wanted);
	if (selection.empty) return { ids: [], next: null };
	return options.sort === "first" || options.sort === "-first"
		? byTime(database, selection, options)
		: byValue(database, selection, options, VALUES[options.sort]);
}

/** The statement that reads one range of ids; in a test its plan is looked at. Parameters: ?1 to ?3 low, high and limit, ?4 the segment. */
export function rangeSql({ conditions, keys }: Selection, wanted: Wanted, ascending: boolean, sealed: boolean): string {
	const direction = ascending ? "ASC" : "DESC";
	const entries = sealed ? keys : null;
	const where = conditions.filter((each) => each !== entries?.condition).map(({ sql }) => ` AND ${sql}`);
	if (wanted.since !== null) where.push(" AND (last >= ? OR open = 1)");
	const given = "WITH given(low, high, most, segment) AS (SELECT ?1, ?2, ?3, ?4) ";
	if (entries === null)
		return `${given}SELECT id FROM connection WHERE id >= ?1 AND id < ?2${where.join("")} ORDER BY id ${direction} LIMIT ?3`;
	const { column, condition } = entries;
	const rows = `by_${column} WHERE segment = ?4 AND ${condition.sql} AND id >= ?1 AND id < ?2`;
	/* Entries first, rows by their ids; without more conditions the entries are the answer. */
	return where.length === 0
		? `${given}SELECT id FROM ${rows} ORDER BY id ${direction} LIMIT ?3`
		: `${given}SELECT c.id FROM (SELECT id AS entry FROM ${rows}) CROSS JOIN connection c ON c.id = entry ` +
				`WHERE 1${where.join("")} ORDER BY c.id ${direction} LIMIT ?3`;
}

/** Connections that began before the range and were active in it: few, in two indexes of their own. */
export function earlierSql({ conditions }: Selection): string {
	const where = conditions.map(({ sql }) => ` AND ${sql}`).join("");
	return (
		`SELECT id FROM connection INDEXED BY connection_open WHERE open > 0 AND open = 1 AND id >= ?1 AND id < ?2${where} ` +
		`UNION SELECT id FROM connection INDEXED BY connection_long WHERE last - id >= ${LONG} AND last >= ?3 ` +
		`AND id >= ?1 AND id < ?2${where} ORDER BY id`
	);
}

/* Ids end before it. */
const END = Number.MAX_SAFE_INTEGER;
const VALUES = { "-last": "last", "-bytesOut": "bytes_out", "-bytesIn": "bytes_in" } as const;

interface Range {
	readonly low: number;
	readonly high: number;
	/** Null: not sealed, or left over from one that is gone. */
	readonly segment: number | null;
}

function byTime(database: DatabaseSync, selection: Selection, options: FindOptions): Found {
	const { wanted, limit, after, patience } = options;
	const ascending = options.sort === "first";
	const deadline = performance.now() + patience;
	const split = wanted.since === null ? 0 : Math.max(0, wanted.since - LONG);
	const low = Math.max(split, ascending && after !== null ? after.id + 1 : 0);
	const high = Math.min(wanted.until ?? END, !ascending && after !== null ? after.id : END);
	const read = reader(database, selection, wanted, ascending);
	const ids: number[] = [];
	const full = () => ids.length > limit;
	const earlier = () => {
		if (split === 0 || full()) return;
		const found = readEarlier(database, selection, wanted, split, ascending, after);
		ids.push(...(ascending ? found : found.toReversed()).slice(0, limit + 1 - ids.length));
	};
	if (ascending) earlier();
	const ranges = rangesOf(database, low, high);
	for (const [index, range] of (ascending ? ranges : ranges.toReversed()).entries()) {
		if (full()) break;
		/* After a range at least: each page gets on. */
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

function reader(database: DatabaseSync, selection: Selection, wanted: Wanted, ascending: boolean) {
	const since = wanted.since === null ? [] : [wanted.since];
	const prepare = (sealed: boolean) => {
		const statement = database.prepare(rangeSql(selection, wanted, ascending, sealed));
		statement.setReturnArrays(true);
		const key = sealed ? selection.keys?.condition : undefined;
		const rest = selection.conditions.filter((each) => each !== key);
		const own = [...(key === undefined ? [] : [key]), ...rest].flatMap(({ parameters }) => parameters);
		return (range: Range, limit: number) => {
			const rows = statement.all(range.low, range.high, limit, range.segment, ...own, ...since);
			return (rows as unknown as [number][]).map(([id]) => id);
		};
	};
	const plain = prepare(false);
	const sealed = selection.keys === null ? plain : prepare(true);
	return (range: Range, limit: number) => (range.segment === null ? plain : sealed)(range, limit);
}

function readEarlier(
	database: DatabaseSync,
	selection: Selection,
	wanted: Wanted,
	split: number,
	ascending: boolean,
	after: Position | null,
): number[] {
	const low = ascending && after !== null ? after.id + 1 : 0;
	const high = Math.min(split, wanted.until ?? END, !ascending && after !== null ? after.id : END);
	const own = selection.conditions.flatMap(({ parameters }) => parameters);
	const statement: StatementSync = database.prepare(numbered(earlierSql(selection)));
	const rows = statement.all(low, high, wanted.since, ...own, ...own);
	return (rows as unknown as { id: number }[]).map(({ id }) => id);
}

/* SQLite numbers a bare "?" after the highest so far: ?1 to ?3 must be met first. */
function numbered(sql: string): string {
	return `WITH given(a, b, c) AS (SELECT ?1, ?2, ?3) ${sql}`;
}

/* Reads all that the filter leaves. */
function byValue(database: DatabaseSync, selection: Selection, options: FindOptions, column: string): Found {
	const { wanted, limit, after } = options;
	const { sql, parameters } = rowsSql(database, selection, `id, ${column} AS value`, 0, wanted.until ?? END);
	const where: string[] = [];
	const more: number[] = [];
	if (wanted.since !== null) {
		where.push("(last >= ? OR open = 1)");
		more.push(wanted.since);
	}
	if (after !== null) {
		where.push("(value, id) < (?, ?)");
		more.push(after.value, after.id);
	}
	const rows = database
		.prepare(
			`SELECT id, value FROM (${sql.replaceAll("AS value", "AS value, last, open")}) WHERE ${[...where, "1"].join(" AND ")} ` +
				"ORDER BY value DESC, id DESC LIMIT ?",
		)
		.all(...parameters, ...more, limit + 1) as unknown as Position[];
	const last = rows[limit - 1];
	return {
		ids: rows.slice(0, limit).map(({ id }) => id),
		next: rows.length > limit && last !== undefined ? { value: last.value, id: last.id } : null,
	};
}
