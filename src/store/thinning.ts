/** Removes rows of one source from a sealed segment, and corrects its entries and sums. All methods throw SQLite's errors. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { COUNTS, ROLLUPS } from "./rollup.ts";
import { ENTRIES, type Segments } from "./segments.ts";
import { type Holding, SOURCE, type Victim, victimOf } from "./share.ts";
import type { Part } from "./spans.ts";
import { allRows, onlyRow } from "./typed-rows.ts";

export class Thinning {
	readonly #database: DatabaseSync;
	readonly #segments: Segments;
	/** By segment. */
	readonly #holdings = new Map<number, Map<string, number>>();
	readonly #count: StatementSync;

	constructor(database: DatabaseSync, segments: Segments) {
		this.#database = database;
		this.#segments = segments;
		this.#count = database.prepare(
			`SELECT ${SOURCE} AS source, n FROM (SELECT workload, count(*) AS n FROM by_workload WHERE segment = ? GROUP BY workload) ` +
				"LEFT JOIN workload ON id = workload",
		);
		database.exec(TABLES);
	}

	/** Counts the rows of one segment that was sealed since. False: all are counted. */
	prepare(): boolean {
		const { list } = this.#segments;
		if (this.#holdings.size > list.length) {
			const ids = new Set(list.map(({ id }) => id));
			for (const id of this.#holdings.keys()) if (!ids.has(id)) this.#holdings.delete(id);
		}
		const next = list.find(({ id }) => !this.#holdings.has(id));
		if (next === undefined) return false;
		const rows = new Map<string, number>();
		for (const { source, n } of allRows<Counted>(this.#count, next.id))
			rows.set(source ?? "", (rows.get(source ?? "") ?? 0) + n);
		this.#holdings.set(next.id, rows);
		return true;
	}

	/** Null: no segment has rows. Call it when `prepare` has nothing to do. */
	victim(): (Victim & { readonly whole: boolean }) | null {
		const holdings: Holding[] = this.#segments.list.map((part) => ({ part, rows: this.#rowsOf(part) }));
		const victim = victimOf(holdings);
		if (victim === null) return null;
		const rows = this.#rowsOf(victim.part);
		/* The oldest segment is dropped faster than it is thinned. */
		return { ...victim, whole: !victim.flood && victim.part === this.#segments.oldest && rows.size === 1 };
	}

	/** Returns the number of rows. Call it within a transaction, and `thinned` after the commit. */
	thin({ part, source, flood }: Victim): number {
		const database = this.#database;
		database.exec("DELETE FROM temp.thin_workload; DELETE FROM temp.thin_row");
		database.prepare(`INSERT INTO temp.thin_workload SELECT id FROM workload WHERE ${SOURCE} = ?`).run(source);
		if (source === "") database.exec("INSERT INTO temp.thin_workload VALUES (0)");
		const all = Number(database.prepare(ROWS).run(part.low, part.high, part.id).changes);
		if (flood) {
			const { n } = onlyRow<Counted>(database.prepare("SELECT count(*) AS n FROM temp.thin_row WHERE keep"));
			if (n * 2 <= all) database.exec("DELETE FROM temp.thin_row WHERE keep");
		}
		for (const [index, { table, dimensions }] of ROLLUPS.entries()) {
			const list = dimensions.join(", ");
			const subtract = database.prepare(
				`INSERT INTO ${table} SELECT ?, ?, kind, ${list}, ${LESS} FROM connection WHERE id IN (SELECT id FROM temp.thin_row) ` +
					`GROUP BY kind, ${list} ON CONFLICT DO UPDATE SET n = n + excluded.n, denied = denied + excluded.denied, ` +
					"would = would + excluded.would, bytes_out = bytes_out + excluded.bytes_out, bytes_in = bytes_in + excluded.bytes_in",
			);
			const clear = database.prepare(`DELETE FROM ${table} WHERE level = ? AND part = ? AND n <= 0`);
			for (const [level, id] of this.#segments.partsOf(part, index).entries()) {
				subtract.run(level, id);
				clear.run(level, id);
			}
		}
		for (const column of ENTRIES)
			database
				.prepare(`DELETE FROM by_${column} WHERE segment = ? AND id IN (SELECT id FROM temp.thin_row)`)
				.run(part.id);
		const removed = Number(
			database.prepare("DELETE FROM connection WHERE id IN (SELECT id FROM temp.thin_row)").run().changes,
		);
		database.prepare("UPDATE segment SET rows = rows - ? WHERE id = ?").run(removed, part.id);
		return removed;
	}

	/** See `thin`. */
	thinned({ part }: Victim): void {
		this.#holdings.delete(part.id);
	}

	#rowsOf({ id }: Part): ReadonlyMap<string, number> {
		return this.#holdings.get(id) ?? NONE;
	}
}

interface Counted {
	readonly source: string | null;
	readonly n: number;
}

const NONE: ReadonlyMap<string, number> = new Map();
const LESS = `${COUNTS.replaceAll("sum(", "-sum(")}, -sum(bytes_out), -sum(bytes_in), min(id), max(last)`;

const TABLES =
	"CREATE TEMP TABLE IF NOT EXISTS thin_workload (id INTEGER PRIMARY KEY); " +
	"CREATE TEMP TABLE IF NOT EXISTS thin_row (id INTEGER PRIMARY KEY, keep INTEGER NOT NULL)";
/* The first of each program and decision is kept, and what is still open. */
const ROWS =
	"INSERT INTO temp.thin_row SELECT c.id, c.open = 1 OR c.id = min(c.id) OVER (PARTITION BY c.workload, c.steps) " +
	"FROM connection c WHERE c.id >= ?1 AND c.id < ?2 AND c.id IN (SELECT e.id FROM by_workload e WHERE e.segment = ?3 " +
	"AND e.workload IN (SELECT id FROM temp.thin_workload))";
