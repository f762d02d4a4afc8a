/** Deletes records that are too old or too many, in small steps between the batches. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { THROTTLED, type Throttled } from "../records/history-status.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { rollback } from "./database.ts";
import { TOUCH } from "./dimensions.ts";
import { RetentionClock } from "./retention-clock.ts";
import type { Part } from "./spans.ts";
import { Thinning } from "./thinning.ts";
import { allRows, onlyRow } from "./typed-rows.ts";

export interface RetentionOptions {
	readonly database: DatabaseSync;
	readonly records: BatchWriter;
	/** [ms] */
	readonly maxAge: number;
	/** Maximum size of the file and its write-ahead log [bytes]. */
	readonly maxBytes: number;
	/** Wall clock and monotonic clock [ms]; for tests. */
	readonly now?: () => number;
	readonly monotonic?: () => number;
}

/** Keeps the file within its age and size. All methods throw SQLite's errors. */
export class Retention {
	/** Connections deleted since the file was opened. */
	expired = 0;
	readonly #o: RetentionOptions;
	readonly #clock: RetentionClock;
	readonly #thinning: Thinning;
	readonly #throttle: StatementSync;
	readonly #list: StatementSync;
	readonly #keepClock: StatementSync;
	/** [µs] The clock as the file has it. */
	#kept = 0;
	readonly #delete: StatementSync;
	readonly #deleteRest: StatementSync;
	readonly #pages: StatementSync;
	readonly #free: StatementSync;
	readonly #pageSize: number;
	#shrinking = false;
	/* Position of the sweep of unused dimension rows; null: none is due. */
	#sweep: { readonly steps: readonly Step[]; index: number; from: number; deleted: boolean } | null = null;
	#swept = 0;

	constructor(options: RetentionOptions) {
		const { database, records, now = Date.now, monotonic = () => performance.now() } = options;
		this.#o = options;
		const { value } = onlyRow<{ readonly value: number }>(
			database.prepare("SELECT value FROM meta WHERE key = 'expiry'"),
		);
		this.#clock = new RetentionClock({
			wall: () => now() * 1000,
			monotonic: () => monotonic() * 1000,
			/* A file of an earlier version has no such time, but its rows have. */
			kept: value > 0 ? value : records.newest > 0 ? records.newest : null,
		});
		this.#keepClock = database.prepare("UPDATE meta SET value = ? WHERE key = 'expiry'");
		this.#thinning = new Thinning(database, records.segments);
		this.#throttle = database.prepare(THROTTLE);
		this.#list = database.prepare(LIST);
		this.#delete = database.prepare(
			"DELETE FROM connection WHERE id >= :low AND id < :high AND (:all OR (open <> 1 AND last < :before))",
		);
		this.#deleteRest = database.prepare(
			"DELETE FROM connection WHERE id IN (SELECT id FROM connection WHERE id < :high AND open <> 1 AND last < :before LIMIT 1000)",
		);
		this.#pages = database.prepare("PRAGMA page_count");
		this.#free = database.prepare("PRAGMA freelist_count");
		this.#pageSize = onlyRow<{ readonly page_size: number }>(database.prepare("PRAGMA page_size")).page_size;
	}

	/** Sources that had to give way, the last ones first. */
	throttled(): Throttled[] {
		return allRows<Throttled>(this.#list, THROTTLED);
	}

	/** One step, of a few milliseconds. Returns whether work remains. */
	step(): boolean {
		const { records } = this.#o;
		this.#clock.atLeast(records.segments.oldest?.low ?? 0);
		const before = this.#now() - this.#o.maxAge * 1000;
		this.#keepTime();
		return this.#seal() || this.#expire(before) || this.#shrink() || this.#sweepDimensions(before) || this.#vacuum();
	}

	/** [µs] */
	#now(): number {
		return this.#clock.now();
	}

	/* Rows of a clock that was wrong are later than those that follow them. */
	#seal(): boolean {
		const { segments, newest } = this.#o.records;
		return !this.#clock.doubtful && segments.step(Math.min(newest, (this.#o.now ?? Date.now)() * 1000));
	}

	#keepTime(): void {
		if (Math.abs(this.#clock.value - this.#kept) < KEPT) return;
		this.#kept = this.#clock.value;
		this.#keepClock.run(Math.floor(this.#kept));
	}

	/* Connections that are open or were active later stay until they expire too, although their segment is deleted. */
	#expire(before: number): boolean {
		const { segments } = this.#o.records;
		const { oldest } = segments;
		if (oldest !== undefined && oldest.high <= before) {
			this.#drop(oldest, before, false);
			return true;
		}
		/* Rows left of dropped segments, and rows that were never sealed. */
		const high = Math.min(oldest?.low ?? before, before);
		return this.#transaction(() => this.#deleteRest.run({ ":high": high, ":before": before })) > 0;
	}

	/* Removes rows of the source that has most, open connections included, until the size is below the lower limit. */
	#shrink(): boolean {
		const used = this.#used();
		const { maxBytes } = this.#o;
		if (used <= maxBytes * (this.#shrinking ? LOW : HIGH)) {
			this.#shrinking = false;
			return false;
		}
		this.#shrinking = true;
		if (this.#thinning.prepare()) return true;
		const victim = this.#thinning.victim();
		if (victim === null) {
			const { oldest } = this.#o.records.segments;
			if (oldest !== undefined) this.#drop(oldest, 0, true);
			return oldest !== undefined;
		}
		if (victim.whole) {
			this.#drop(victim.part, 0, true);
			return true;
		}
		const removed = this.#transaction(() => ({ changes: this.#thinning.thin(victim) }));
		this.#thinning.thinned(victim);
		const time = Math.floor(this.#now());
		this.#throttle.run(victim.source, removed, time, time);
		return removed > 0;
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

	/* Once an hour, some thousand rows a step. Rows that connections below the floor (still open) use stay. */
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
			if (sweep.deleted) this.#o.records.clearCache();
			this.#sweep = null;
			return false;
		}
		const { highest } = onlyRow<{ readonly highest: number | null }>(step.highest);
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
			...["policy_change", "daemon_start", "throttled"].map((table) => {
				const column = table === "throttled" ? "last" : "time";
				const remove = `DELETE FROM ${table} WHERE ?1 < ?2 AND ${column} < ${old}`;
				return { highest: database.prepare("SELECT NULL AS highest"), remove: database.prepare(remove) };
			}),
			step("answer", "name", `last < ${old}`),
			step("process", "id", unused("process")),
			step("workload", "id", unused("workload")),
			step("steps", "id", unused("steps")),
			step("name", "id", `${unused("name")} AND id NOT IN (SELECT name FROM answer)`),
		];
	}

	/* SQLite reuses free pages. They are returned to the disk when they are many, or the file is above its size. */
	#vacuum(): boolean {
		const { database, maxBytes } = this.#o;
		const free = this.#freePages();
		if (free === 0) return false;
		const pages = this.#pageCount();
		const tooMany = free * 4 > pages && free * this.#pageSize > 4 * 1024 * 1024;
		if (!tooMany && pages * this.#pageSize <= maxBytes * HIGH) return false;
		database.exec(`PRAGMA incremental_vacuum(${VACUUM})`);
		return this.#freePages() < free;
	}

	#used(): number {
		return (this.#pageCount() - this.#freePages()) * this.#pageSize;
	}

	#freePages(): number {
		return onlyRow<{ readonly freelist_count: number }>(this.#free).freelist_count;
	}

	#pageCount(): number {
		return onlyRow<{ readonly page_count: number }>(this.#pages).page_count;
	}
}

interface Step {
	readonly highest: StatementSync;
	readonly remove: StatementSync;
}

const THROTTLE =
	"INSERT INTO throttled VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, last = excluded.last";
const LIST =
	"SELECT source, rows AS removed, 0 AS dropped, first / 1000 AS since, last / 1000 AS last FROM throttled ORDER BY 5 DESC LIMIT ?";
/* [µs] */
const KEPT = 60_000_000;
/* Rows of a dimension that one step looks at. */
const ENTRIES = 4_096;
/* Pages that one step returns. */
const VACUUM = 500;
/* Shares of maxBytes: dropping begins above HIGH and ends below LOW. The remainder is for the write-ahead log (database.ts). */
const HIGH = 0.85;
const LOW = 0.8;
