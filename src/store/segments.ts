/**
 * Rows that are some seconds old are sealed, some thousand at a time: entries by name, workload, decision and address, and sums,
 * each sorted and written at the end of its table. An index kept row by row would change a page somewhere for each
 * row and each index. Looking a key up is then one look-up a segment.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { rollback } from "./database.ts";
import { LEVEL, ROLLUPS, sumRowsSql, sumSegmentsSql } from "./rollup.ts";

export const ENTRIES = ["name", "workload", "steps", "remote"] as const;
export type EntryColumn = (typeof ENTRIES)[number];

export interface Segment {
	readonly id: number;
	/** Ids from `low` up to `high`, which is not in it. */
	readonly low: number;
	readonly high: number;
	/** 0: in none yet. */
	span: number;
}

export interface SegmentLimits {
	readonly rows: number;
	/** µs after which fewer are sealed too. */
	readonly age: number;
	/** Segments that make a span. */
	readonly span: number;
}

export const SEGMENT_LIMITS: SegmentLimits = { rows: 16_384, age: 3_600_000_000, span: 32 };

/** µs: what comes out of order comes within it. */
const MARGIN = 5_000_000;

export class Segments {
	/** From here on rows are not sealed. */
	sealed: number;
	readonly #database: DatabaseSync;
	readonly #limits: SegmentLimits;
	readonly #list: Segment[];
	readonly #seal: readonly StatementSync[];
	readonly #merge: readonly StatementSync[];
	readonly #sql: Readonly<Record<keyof typeof SQL, StatementSync>>;
	#lastId: number;

	constructor(database: DatabaseSync, limits: SegmentLimits = SEGMENT_LIMITS) {
		this.#database = database;
		this.#limits = limits;
		this.#list = readSegments(database);
		this.sealed = readSealed(database);
		this.#seal = [...ENTRIES.map(entriesSql), ...ROLLUPS.map(sumRowsSql)].map((sql) => database.prepare(sql));
		this.#merge = ROLLUPS.map((rollup) => database.prepare(sumSegmentsSql(rollup)));
		this.#sql = Object.fromEntries(Object.entries(SQL).map(([key, sql]) => [key, database.prepare(sql)])) as never;
		this.#lastId = this.#list.at(-1)?.id ?? 0;
	}

	get oldest(): Segment | undefined {
		return this.#list[0];
	}

	/** Null: not sealed, or so old that its segment is gone. */
	of(id: number): Segment | null {
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

	/** Seals what is due or makes a span of what is sealed. `newest`: the largest id that was written. True: there may be more. */
	step(newest: number): boolean {
		return this.#sealNext(newest) || this.#mergeNext();
	}

	/** Forgets the oldest; its entries and sums are deleted by who calls, within a transaction. */
	drop(segment: Segment): void {
		this.#sql.dropSegment.run(segment.id);
		for (const column of ENTRIES) this.#database.prepare(`DELETE FROM by_${column} WHERE segment = ?`).run(segment.id);
		const isLastOfSpan = segment.span !== 0 && this.#list[1]?.span !== segment.span;
		for (const { table } of ROLLUPS) {
			const remove = this.#database.prepare(`DELETE FROM ${table} WHERE level = ? AND part = ?`);
			remove.run(LEVEL.segment, segment.id);
			if (isLastOfSpan) remove.run(LEVEL.span, segment.span);
		}
		if (isLastOfSpan) this.#sql.dropSpan.run(segment.span);
	}

	dropped(): void {
		this.#list.shift();
	}

	#sealNext(newest: number): boolean {
		const bound = newest - MARGIN;
		const { rows, age } = this.#limits;
		const from = this.sealed;
		const boundary = this.#sql.boundary.get(from, rows) as { id: number } | undefined;
		let to = boundary?.id;
		if (to === undefined || to > bound) {
			const { first } = this.#sql.first.get(from) as { first: number | null };
			if (first === null || bound - first < age) return false;
			to = bound;
		}
		const { n } = this.#sql.count.get(from, to) as { n: number };
		if (n === 0) return false;
		const segment: Segment = { id: this.#lastId + 1, low: from, high: to, span: 0 };
		this.#transaction(() => {
			for (const statement of this.#seal) statement.run(segment.id, segment.low, segment.high);
			this.#sql.addSegment.run(segment.id, segment.low, segment.high, n);
			this.#sql.setSealed.run(segment.high);
		});
		this.#list.push(segment);
		this.#lastId = segment.id;
		this.sealed = segment.high;
		return true;
	}

	#mergeNext(): boolean {
		const free = this.#list.findIndex(({ span }) => span === 0);
		if (free < 0 || this.#list.length - free < this.#limits.span) return false;
		const merged = this.#list.slice(free, free + this.#limits.span);
		const [first] = merged;
		const last = merged.at(-1);
		if (first === undefined || last === undefined) return false;
		/* Spans are numbered by their last segment: ids grow, and none is used again. */
		this.#transaction(() => {
			for (const statement of this.#merge) statement.run(last.id, first.id, last.id);
			this.#sql.addSpan.run(last.id, first.low, last.high);
			this.#sql.setSpan.run(last.id, first.id, last.id);
		});
		for (const segment of merged) segment.span = last.id;
		return true;
	}

	#transaction(run: () => void): void {
		this.#database.exec("BEGIN IMMEDIATE");
		try {
			run();
			this.#database.exec("COMMIT");
		} catch (error) {
			rollback(this.#database);
			throw error;
		}
	}
}

export function readSegments(database: DatabaseSync): Segment[] {
	return database.prepare("SELECT id, low, high, span FROM segment ORDER BY id").all() as unknown as Segment[];
}

export function readSealed(database: DatabaseSync): number {
	return (database.prepare("SELECT value FROM meta WHERE key = 'sealed'").get() as { value: number }).value;
}

/** Parameters: segment, low, high. A connection without a name has no entry by name. */
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
	addSpan: "INSERT INTO span VALUES (?, ?, ?)",
	setSpan: "UPDATE segment SET span = ? WHERE id BETWEEN ? AND ?",
	dropSegment: "DELETE FROM segment WHERE id = ?",
	dropSpan: "DELETE FROM span WHERE id = ?",
} as const;
