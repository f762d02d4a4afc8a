import type { DatabaseSync, StatementSync } from "node:sqlite";
import { rollback } from "./database.ts";
import { LEVELS, ROLLUPS, sumPartsSql } from "./rollup.ts";

/** A segment, or a span of parts of the level below. */
export interface Part {
	readonly id: number;
	/** Ids of its rows: from `low` up to, but not including, `high`. */
	readonly low: number;
	readonly high: number;
	/** Id of the span of the level above that holds it; 0: none does. */
	span: number;
}

/** Sums of sums, by level: a query about a month adds up a few dozen parts. All methods throw SQLite's errors. */
export class Spans {
	readonly #database: DatabaseSync;
	/** By level. Level 0 is the list of segments, which segments.ts maintains. */
	readonly #parts: Part[][];
	readonly #size: number;
	readonly #merge: readonly (readonly StatementSync[])[];
	#merging: Merging | null = null;

	constructor(database: DatabaseSync, parts: Part[][], size: number) {
		this.#database = database;
		this.#parts = parts;
		this.#size = size;
		for (let level = 0; level <= LEVELS; level++) this.#parts[level] ??= [];
		this.#merge = Array.from({ length: LEVELS }, (_, level) =>
			ROLLUPS.map((rollup) => database.prepare(sumPartsSql(rollup, level))),
		);
		this.#undo();
	}

	/** Ids of the parts whose sums in a rollup include the segment's, by level, the segment first. */
	partsOf(segment: Part, rollup: number): readonly number[] {
		const ids = [segment.id];
		for (let part: Part | undefined = segment; part !== undefined; ) {
			const level = ids.length - 1;
			const merging: Merging | null = this.#merging;
			if (merging?.level === level && rollup < merging.done && merging.parts.includes(part)) ids.push(merging.last.id);
			part = this.#above(level, part);
			if (part !== undefined) ids.push(part.id);
		}
		return ids;
	}

	/**
	 * Merges one rollup of a span. Rows that arrive during a merge are added where their segment is summed already (`partsOf`). Returns
	 * whether work may remain.
	 */
	mergeNext(): boolean {
		this.#merging ??= this.#next();
		const merging = this.#merging;
		if (merging === null) return false;
		const { level, parts, first, last, done } = merging;
		this.#database.exec("BEGIN IMMEDIATE");
		try {
			this.#merge[level]?.[done]?.run(last.id, first.id, last.id);
			if (done === ROLLUPS.length - 1) {
				this.#database.prepare("INSERT INTO span VALUES (?, ?, ?, ?, 0)").run(level + 1, last.id, first.low, last.high);
				this.#join(level, last.id, first.id, last.id);
			}
			this.#database.exec("COMMIT");
		} catch (error) {
			rollback(this.#database);
			throw error;
		}
		if (++merging.done < ROLLUPS.length) return true;
		for (const part of parts) part.span = last.id;
		this.#parts[level + 1]?.push({ id: last.id, low: first.low, high: last.high, span: 0 });
		this.#merging = null;
		return true;
	}

	/**
	 * Deletes the sums of the oldest segment and of every span that holds it. The other parts of these spans are then used by
	 * themselves. Call it within a transaction, and `dropped` after the commit.
	 */
	drop(segment: Part): void {
		this.#remove(0, segment.id);
		let level = 0;
		for (let part = this.#above(level, segment); part !== undefined; part = this.#above(level, part)) {
			this.#join(level, 0, 0, part.id);
			level++;
			this.#remove(level, part.id);
			this.#database.prepare("DELETE FROM span WHERE level = ? AND id = ?").run(level, part.id);
		}
	}

	/** See `drop`. */
	dropped(): void {
		const segment = this.#parts[0]?.[0];
		if (segment === undefined) return;
		if (this.#merging?.first.low === segment.low) this.#undo();
		let level = 0;
		for (let part = this.#above(level, segment); part !== undefined; ) {
			const above: Part | undefined = this.#above(level + 1, part);
			for (const each of this.#parts[level] ?? []) if (each.span === part.id) each.span = 0;
			this.#parts[++level]?.shift();
			part = above;
		}
		this.#parts[0]?.shift();
	}

	#above(level: number, { span }: Part): Part | undefined {
		if (span === 0) return undefined;
		const list = this.#parts[level + 1] ?? [];
		/* Late rows mostly belong to the last parts. */
		return list.findLast(({ id }) => id === span);
	}

	/* The parts that are in no span are consecutive, at the end of their list. */
	#next(): Merging | null {
		for (let level = 0; level < LEVELS; level++) {
			const list = this.#parts[level] ?? [];
			const free = list.length - 1 - list.findLastIndex(({ span }) => span !== 0);
			if (free < this.#size) continue;
			const parts = list.slice(list.length - free, list.length - free + this.#size);
			const [first] = parts;
			/* A span has the id of its last segment: ids grow, and none is used twice. */
			const last = parts.at(-1);
			if (first !== undefined && last !== undefined) return { level, parts, first, last, done: 0 };
		}
		return null;
	}

	#join(level: number, span: number, first: number, last: number): void {
		const which = level === 0 ? "segment SET span = ? WHERE" : `span SET span = ? WHERE level = ${level} AND`;
		this.#database.prepare(`UPDATE ${which} id BETWEEN ? AND ?`).run(span, first, last);
	}

	#remove(level: number, part: number): void {
		for (const { table } of ROLLUPS)
			this.#database.prepare(`DELETE FROM ${table} WHERE level = ? AND part = ?`).run(level, part);
	}

	/* Deletes the sums of an unfinished span: the writer died, or one of its parts was dropped. */
	#undo(): void {
		for (let level = 1; level <= LEVELS; level++) {
			const highest = `(SELECT coalesce(max(id), 0) FROM span WHERE level = ${level})`;
			for (const { table } of ROLLUPS)
				this.#database.exec(`DELETE FROM ${table} WHERE level = ${level} AND part > ${highest}`);
		}
		this.#merging = null;
	}
}

interface Merging {
	/** Level of the parts. */
	readonly level: number;
	readonly parts: readonly Part[];
	readonly first: Part;
	readonly last: Part;
	/** Number of rollups that are merged. */
	done: number;
}
