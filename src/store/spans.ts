import type { DatabaseSync, StatementSync } from "node:sqlite";
import { rollback } from "./database.ts";
import { LEVELS, ROLLUPS, sumPartsSql } from "./rollup.ts";

/** A segment, or a span of parts of the level below. */
export interface Part {
	readonly id: number;
	/** Ids from `low` up to `high`, which is not in it. */
	readonly low: number;
	readonly high: number;
	/** Of the level above; 0: in none. */
	span: number;
}

/** Sums of sums, by level: a question about a month adds up some dozen parts. */
export class Spans {
	readonly #database: DatabaseSync;
	/** Level 0 are the segments: their list is kept by segments.ts. */
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

	/** By level, the segment first. */
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

	/** A rollup a step. What comes late meanwhile goes where it was summed already (`partsOf`). True: there may be more. */
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

	/** The sums of a segment, and of every span that has it: what is left of these stands for itself. Within a transaction. */
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

	/** When that is committed. */
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
		/* What comes late is mostly of the last ones. */
		return list.findLast(({ id }) => id === span);
	}

	/* Those at the end that are in no span follow one another. */
	#next(): Merging | null {
		for (let level = 0; level < LEVELS; level++) {
			const list = this.#parts[level] ?? [];
			const free = list.length - 1 - list.findLastIndex(({ span }) => span !== 0);
			if (free < this.#size) continue;
			const parts = list.slice(list.length - free, list.length - free + this.#size);
			const [first] = parts;
			/* A span has the number of its last segment: ids grow, and none is used again. */
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

	/* Sums of a span that was not finished when the writer died, or whose parts were dropped. */
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
	/** Of the parts. */
	readonly level: number;
	readonly parts: readonly Part[];
	readonly first: Part;
	readonly last: Part;
	/** Rollups that are summed. */
	done: number;
}
