/**
 * Sums of segments and of spans of segments, so that "top" does not read every connection. Each rollup groups by a set of columns.
 * A query is answered from the first one that has all of its columns.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { VERDICT } from "../native/layout.ts";

export type Dimension = "name" | "workload" | "steps" | "protocol" | "port" | "remote";

/** One table of sums. */
export interface Rollup {
	readonly table: string;
	readonly dimensions: readonly Dimension[];
}

/** Levels of spans. Level 0 are the segments; a span of level n holds eight parts of the level below. */
export const LEVELS = 3;

export const ROLLUPS: readonly Rollup[] = [
	{ table: "top_name", dimensions: ["name"] },
	{ table: "top_who", dimensions: ["workload", "steps", "protocol", "port"] },
	{ table: "top_remote", dimensions: ["remote"] },
	{ table: "top_all", dimensions: ["name", "workload", "steps", "protocol", "port"] },
];

/** The columns of a connection that rollups group by and sum. */
export interface Summed {
	readonly id: number;
	readonly kind: number;
	readonly name: number;
	readonly workload: number;
	readonly steps: number;
	readonly protocol: number;
	readonly port: number;
	readonly remote: Uint8Array;
	readonly verdict: number;
	/** Connections that the row stands for. */
	readonly times: number;
	readonly bytesOut: number;
	readonly bytesIn: number;
	readonly last: number;
}

export function createRollup(database: DatabaseSync, { table, dimensions }: Rollup): void {
	const columns = dimensions.map((each) => `${each} ${each === "remote" ? "BLOB" : "INTEGER"} NOT NULL`);
	const sums = SUMS.map((each) => `${each} INTEGER NOT NULL`);
	database.exec(
		`CREATE TABLE ${table} (level INTEGER NOT NULL, part INTEGER NOT NULL, kind INTEGER NOT NULL, ${columns.join(", ")}, ` +
			`${sums.join(", ")}, PRIMARY KEY (level, part, kind, ${dimensions.join(", ")})) STRICT, WITHOUT ROWID`,
	);
}

/**
 * Statements that sum a segment, to be run one after the other. Parameters: segment, low, high. Rows are inserted in the order
 * of the key, so that each table grows at its end. A narrow rollup is summed from a wider one, which has fewer and shorter
 * rows.
 */
export function sumSegmentSql(): readonly string[] {
	const wide = ROLLUPS.filter((rollup) => widerThan(rollup) === undefined);
	const narrow = ROLLUPS.filter((rollup) => !wide.includes(rollup));
	return [
		...wide.map(({ table, dimensions }) => {
			const list = dimensions.join(", ");
			return (
				`INSERT INTO ${table} SELECT 0, ?1, kind, ${list}, ${COUNTS}, ` +
				`sum(bytes_out), sum(bytes_in), min(id), max(last) FROM connection WHERE id >= ?2 AND id < ?3 ` +
				`GROUP BY kind, ${list} ORDER BY kind, ${list}`
			);
		}),
		...narrow.map((rollup) => {
			const list = rollup.dimensions.join(", ");
			return (
				`INSERT INTO ${rollup.table} SELECT 0, ?1, kind, ${list}, ${ADDED} FROM ${widerThan(rollup)?.table} ` +
				`WHERE level = 0 AND part = ?1 AND first >= ?2 AND first < ?3 GROUP BY kind, ${list} ORDER BY kind, ${list}`
			);
		}),
	];
}

function widerThan({ dimensions }: Rollup): Rollup | undefined {
	return ROLLUPS.find(
		(other) =>
			other.dimensions.length > dimensions.length && dimensions.every((each) => other.dimensions.includes(each)),
	);
}

/** The statement that sums a span of the level above `level`. Parameters: its id, the first and the last of its parts. */
export function sumPartsSql({ table, dimensions }: Rollup, level: number): string {
	const list = dimensions.join(", ");
	return (
		`INSERT INTO ${table} SELECT ${level + 1}, ?1, kind, ${list}, ${ADDED} ` +
		`FROM ${table} WHERE level = ${level} AND part BETWEEN ?2 AND ?3 ` +
		`GROUP BY kind, ${list} ORDER BY kind, ${list}`
	);
}

/** Corrects the sums for a row that arrives or changes after its segment was sealed. */
export class LateSums {
	readonly #upserts: readonly (readonly [Rollup, StatementSync])[];

	constructor(database: DatabaseSync) {
		this.#upserts = ROLLUPS.map((rollup) => [rollup, database.prepare(upsertSql(rollup))]);
	}

	/** `sign`: -1 subtracts the previous row. `partsOf`: the part of each level for the index of a rollup, the segment first. */
	add(row: Summed, sign: 1 | -1, partsOf: (rollup: number) => readonly number[]): void {
		const { verdict, times, bytesOut, bytesIn, id, last } = row;
		const denied = verdict === VERDICT.deny ? sign * times : 0;
		const would = verdict === VERDICT.wouldDeny ? sign * times : 0;
		const sums = [sign * times, denied, would, sign * bytesOut, sign * bytesIn, id, last] as const;
		for (const [index, [{ dimensions }, upsert]] of this.#upserts.entries()) {
			const keys = dimensions.map((each) => row[each]);
			for (const [level, part] of partsOf(index).entries()) upsert.run(level, part, row.kind, ...keys, ...sums);
		}
	}
}

/** SQL of the three counts, of rows of table connection. */
export const COUNTS = `sum(times), sum((verdict = ${VERDICT.deny}) * times), sum((verdict = ${VERDICT.wouldDeny}) * times)`;
const ADDED = "sum(n), sum(denied), sum(would), sum(bytes_out), sum(bytes_in), min(first), max(last)";
const SUMS = ["n", "denied", "would", "bytes_out", "bytes_in", "first", "last"] as const;

function upsertSql({ table, dimensions }: Rollup): string {
	const marks = new Array(3 + dimensions.length + SUMS.length).fill("?").join(", ");
	return (
		`INSERT INTO ${table} VALUES (${marks}) ON CONFLICT DO UPDATE SET n = n + excluded.n, denied = denied + excluded.denied, ` +
		"would = would + excluded.would, bytes_out = bytes_out + excluded.bytes_out, bytes_in = bytes_in + excluded.bytes_in, " +
		"first = min(first, excluded.first), last = max(last, excluded.last)"
	);
}
