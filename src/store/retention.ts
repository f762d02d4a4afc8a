/** What is too old, or too much, is deleted in small steps between the batches. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Records } from "./batch-writer.ts";
import { rollback } from "./database.ts";
import { TOUCH } from "./dimensions.ts";
import type { Part } from "./spans.ts";

export interface RetentionOptions {
	readonly database: DatabaseSync;
	readonly records: Records;
	/** ms */
	readonly maxAge: number;
	readonly maxBytes: number;
	readonly now?: () => number;
}

export class Retention {
	/** Connections deleted since the file was opened. */
	expired = 0;
	readonly #o: RetentionOptions;
	readonly #delete: StatementSync;
	readonly #deleteRest: StatementSync;
	readonly #pages: StatementSync;
	readonly #free: StatementSync;
	readonly #pageSize: number;
	#shrinking = false;
	/* Where the walk over the dimensions is; null: none is due. */
	#sweep: { readonly steps: readonly Step[]; index: number; from: number; deleted: boolean } | null = null;
	#swept = 0;

	constructor(options: RetentionOptions) {
		const { database } = options;
		this.#o = options;
		this.#delete = database.prepare(
			"DELETE FROM connection WHERE id >= :low AND id < :high AND (:all OR (open <> 1 AND last < :before))",
		);
		this.#deleteRest = database.prepare(
			"DELETE FROM connection WHERE id IN (SELECT id FROM connection WHERE id < :high AND open <> 1 AND last < :before LIMIT 1000)",
		);
		this.#pages = database.prepare("PRAGMA page_count");
		this.#free = database.prepare("PRAGMA freelist_count");
		this.#pageSize = (database.prepare("PRAGMA page_size").get() as { page_size: number }).page_size;
	}

	/** One step, of some milliseconds. True: there is more to do. */
	step(): boolean {
		const before = this.#now() - this.#o.maxAge * 1000;
		const { records } = this.#o;
		return (
			records.segments.step(records.newest) ||
			this.#expire(before) ||
			this.#shrink() ||
			this.#sweepDimensions(before) ||
			this.#vacuum()
		);
	}

	/** µs */
	#now(): number {
		return (this.#o.now ?? Date.now)() * 1000;
	}

	/* Connections that are open or were active since stay, without their segment; they go when they are over. */
	#expire(before: number): boolean {
		const { segments } = this.#o.records;
		const { oldest } = segments;
		if (oldest !== undefined && oldest.high <= before) {
			this.#drop(oldest, before, false);
			return true;
		}
		/* What is left of segments that are gone, and what was never sealed. */
		const high = Math.min(oldest?.low ?? before, before);
		return this.#transaction(() => this.#deleteRest.run({ ":high": high, ":before": before })) > 0;
	}

	/* The oldest go, whatever they are; more than must, so that this is not done for each row. */
	#shrink(): boolean {
		const used = this.#used();
		const { maxBytes } = this.#o;
		if (used <= maxBytes * (this.#shrinking ? LOW : HIGH)) {
			this.#shrinking = false;
			return false;
		}
		this.#shrinking = true;
		const { oldest } = this.#o.records.segments;
		if (oldest === undefined) return false;
		this.#drop(oldest, 0, true);
		return true;
	}

	#drop(oldest: Part, before: number, all: boolean): void {
		const { segments } = this.#o.records;
		this.#transaction(() => {
			segments.drop(oldest);
			return this.#delete.run({
				":low": all ? 0 : oldest.low,
				":high": oldest.high,
				":before": before,
				":all": all ? 1 : 0,
			});
		});
		segments.dropped();
	}

	#transaction(run: () => { readonly changes: number | bigint }): number {
		const { database, records } = this.#o;
		database.exec("BEGIN IMMEDIATE");
		try {
			const removed = Number(run().changes);
			if (removed > 0) records.setRows(records.rows - removed);
			database.exec("COMMIT");
			records.rows -= removed;
			this.expired += removed;
			return removed;
		} catch (error) {
			rollback(database);
			throw error;
		}
	}

	/* Once an hour, some thousand entries a step. What the rows older than the floor (still open) use stays. */
	#sweepDimensions(before: number): boolean {
		const now = this.#now();
		if (this.#sweep === null) {
			if (now - this.#swept < TOUCH) return false;
			this.#swept = now;
			this.#sweep = {
				steps: this.#sweepSteps(Math.max(before, this.#o.records.segments.oldest?.low ?? 0)),
				index: 0,
				from: 0,
				deleted: false,
			};
		}
		const sweep = this.#sweep;
		const step = sweep.steps[sweep.index];
		if (step === undefined) {
			if (sweep.deleted) this.#o.records.forget();
			this.#sweep = null;
			return false;
		}
		const { highest } = step.highest.get() as { highest: number | null };
		const to = sweep.from + ENTRIES;
		if (Number(step.remove.run(sweep.from, to).changes) > 0) sweep.deleted = true;
		if (highest === null || to > highest) {
			sweep.index++;
			sweep.from = 0;
		} else sweep.from = to;
		return true;
	}

	#sweepSteps(before: number): Step[] {
		const { database } = this.#o;
		const old = Math.floor(before - 2 * TOUCH);
		const step = (table: string, key: string, where: string) => ({
			highest: database.prepare(`SELECT max(${key}) AS highest FROM ${table}`),
			remove: database.prepare(`DELETE FROM ${table} WHERE ${key} > ? AND ${key} <= ? AND ${where}`),
		});
		const unused = (column: string) =>
			`last < ${old} AND id NOT IN (SELECT ${column} FROM connection WHERE id < ${Math.floor(before)})`;
		return [
			...["policy_change", "daemon_start"].map((table) => {
				const remove = `DELETE FROM ${table} WHERE ?1 < ?2 AND time < ${old}`;
				return { highest: database.prepare("SELECT NULL AS highest"), remove: database.prepare(remove) };
			}),
			step("answer", "name", `last < ${old}`),
			step("process", "id", unused("process")),
			step("workload", "id", unused("workload")),
			step("steps", "id", unused("steps")),
			step("name", "id", `${unused("name")} AND id NOT IN (SELECT name FROM answer)`),
		];
	}

	/* Free pages are used again; they go back to the disk when they are many, or the file is over its size. */
	#vacuum(): boolean {
		const { database, maxBytes } = this.#o;
		const free = this.#freePages();
		if (free === 0) return false;
		const pages = (this.#pages.get() as { page_count: number }).page_count;
		const tooMany = free * 4 > pages && free * this.#pageSize > 4 * 1024 * 1024;
		if (!tooMany && pages * this.#pageSize <= maxBytes * HIGH) return false;
		database.exec(`PRAGMA incremental_vacuum(${VACUUM})`);
		return this.#freePages() < free;
	}

	#used(): number {
		const pages = (this.#pages.get() as { page_count: number }).page_count;
		return (pages - this.#freePages()) * this.#pageSize;
	}

	#freePages(): number {
		return (this.#free.get() as { freelist_count: number }).freelist_count;
	}
}

interface Step {
	readonly highest: StatementSync;
	readonly remove: StatementSync;
}

const ENTRIES = 4_096;
const VACUUM = 500;
/* Of maxBytes: deleting begins above the first and ends below the second; what is left is for the write-ahead log (database.ts). */
const HIGH = 0.85;
const LOW = 0.8;
