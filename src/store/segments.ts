/**
 * Rows a few seconds old are sealed, some thousand at a time: their entries by name, workload, decision and address, and their sums
 * are sorted and written at the end of their tables. An index that is updated row by row would change a page of each index for each
 * row. A key is looked up once in each segment. Sums of eight segments are summed into a span, and those of eight spans again.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { rollback } from "./database.ts";
import { sumSegmentSql } from "./rollup.ts";
import { type Part, Spans } from "./spans.ts";
import { allRows, firstRow, onlyRow, prepareAll } from "./typed-rows.ts";

export const ENTRIES = ["name", "workload", "steps", "remote"] as const;
export type EntryColumn = (typeof ENTRIES)[number];

export interface SegmentLimits {
	readonly rows: number;
	/** [µs] Age at which fewer rows are sealed too. */
	readonly age: number;
	/** Parts of a span. */
	readonly span: number;
}

export const SEGMENT_LIMITS: SegmentLimits = { rows: 16_384, age: 3_600_000_000, span: 8 };

/** [µs] Records that arrive out of order arrive within this time. */
const MARGIN = 2_000_000;

/** The sealed parts of table connection. All methods throw SQLite's errors. */
export class Segments {
	/** Rows from this id on are not sealed. */
	sealed: number;
	readonly #database: DatabaseSync;
	readonly #limits: SegmentLimits;
	readonly #list: Part[];
	readonly #spans: Spans;
	readonly #seal: readonly StatementSync[];
	readonly #sql: Readonly<Record<keyof typeof SQL, StatementSync>>;
	#lastId: number;

	constructor(database: DatabaseSync, limits: SegmentLimits = SEGMENT_LIMITS) {
		this.#database = database;
		this.#limits = limits;
		const parts = readParts(database);
		this.#list = parts[0] ?? [];
		this.#spans = new Spans(database, parts, limits.span);
		this.sealed = readSealed(database);
		this.#seal = [...ENTRIES.map(entriesSql), ...sumSegmentSql()].map((sql) => database.prepare(sql));
		this.#sql = prepareAll(database, SQL);
		this.#lastId = this.#list.at(-1)?.id ?? 0;
	}

	/** In the order of time. */
	get list(): readonly Part[] {
		return this.#list;
	}

	get oldest(): Part | undefined {
		return this.#list[0];
	}

	/** The segment of a row. Null: not sealed, or so old that its segment was dropped. */
	of(id: number): Part | null {
		const list = this.#list;
		if (id >= this.sealed || id < (list[0]?.low ?? 0)) return null;
		let low = 0;
		let high = list.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((list[middle]?.high ?? 0) <= id) low = middle + 1;
			else high = middle;
		}
		return list[low] ?? null;
	}

	/** The parts of each rollup level whose sums include the segment's, the segment first. */
	partsOf(segment: Part, rollup: number): readonly number[] {
		return this.#spans.partsOf(segment, rollup);
	}

	/** Seals a segment or merges one rollup of a span. `newest`: the largest id in the file. Returns whether work may remain. */
	step(newest: number): boolean {
		return this.#sealNext(newest) || this.#spans.mergeNext();
	}

	/** Deletes entries and sums of the oldest segment, but not its rows. Call it within a transaction, and `dropped` after the commit. */
	drop(segment: Part): void {
		this.#sql.dropSegment.run(segment.id);
		for (const column of ENTRIES) this.#database.prepare(`DELETE FROM by_${column} WHERE segment = ?`).run(segment.id);
		this.#spans.drop(segment);
	}

	/** See `drop`. */
	dropped(): void {
		this.#spans.dropped();
	}

	#sealNext(newest: number): boolean {
		const bound = newest - MARGIN;
		const { rows, age } = this.#limits;
		const from = this.sealed;
		const { first } = onlyRow<{ readonly first: number | null }>(this.#sql.first, from);
		if (first === null) return false;
		const boundary = firstRow<{ readonly id: number }>(this.#sql.boundary, from, rows);
		/* At most an hour: records expire by segments. */
		const to = Math.min(boundary?.id ?? first + age, first + age);
		if (to > bound) return false;
		const { n } = onlyRow<{ readonly n: number }>(this.#sql.count, from, to);
		const segment: Part = { id: this.#lastId + 1, low: from, high: to, span: 0 };
		this.#database.exec("BEGIN IMMEDIATE");
		try {
			for (const statement of this.#seal) statement.run(segment.id, segment.low, segment.high);
			this.#sql.addSegment.run(segment.id, segment.low, segment.high, n);
			this.#sql.setSealed.run(segment.high);
			this.#database.exec("COMMIT");
		} catch (error) {
			rollback(this.#database);
			throw error;
		}
		this.#list.push(segment);
		this.#lastId = segment.id;
		this.sealed = segment.high;
		return true;
	}
}

/** Segments and spans by level, each level in the order of time. */
export function readParts(database: DatabaseSync): Part[][] {
	const parts: Part[][] = [readSegments(database)];
	const spans = database.prepare("SELECT level, id, low, high, span FROM span ORDER BY level, id");
	for (const { level, ...part } of allRows<Part & { readonly level: number }>(spans)) {
		parts[level] ??= [];
		parts[level].push(part);
	}
	return Array.from(parts, (list) => list ?? []);
}

/** In the order of time. */
export function readSegments(database: DatabaseSync): Part[] {
	return allRows<Part>(database.prepare("SELECT id, low, high, span FROM segment ORDER BY id"));
}

/** First id of the rows that are not sealed. */
export function readSealed(database: DatabaseSync): number {
	return onlyRow<{ readonly value: number }>(database.prepare("SELECT value FROM meta WHERE key = 'sealed'")).value;
}

/** The statement that writes the entries of a segment. Parameters: segment, low, high. A connection without a name has no entry by name. */
function entriesSql(column: EntryColumn): string {
	const where = column === "name" ? " AND name <> 0" : "";
	return `INSERT INTO by_${column} SELECT ?1, ${column}, id FROM connection WHERE id >= ?2 AND id < ?3${where} ORDER BY ${column}, id`;
}

const SQL = {
	boundary: "SELECT id FROM connection WHERE id >= ? ORDER BY id LIMIT 1 OFFSET ?",
	first: "SELECT min(id) AS first FROM connection WHERE id >= ?",
	count: "SELECT count(*) AS n FROM connection WHERE id >= ? AND id < ?",
	addSegment: "INSERT INTO segment VALUES (?, ?, ?, ?, 0)",
	setSealed: "UPDATE meta SET value = ? WHERE key = 'sealed'",
	dropSegment: "DELETE FROM segment WHERE id = ?",
} as const;
