import type { DatabaseSync } from "node:sqlite";
import { going } from "./interrupt.ts";
import { readSealed, readSegments } from "./segments.ts";
import { type Selection, sqlOf } from "./selection.ts";

export interface Sql {
	readonly sql: string;
	readonly parameters: readonly (number | Uint8Array)[];
}

/**
 * All rows of a selection with an id from `low` up to `high`: through the entries of the segments where there are keys, else by
 * reading the range. `columns` are of connection.
 */
export function rowsSql(database: DatabaseSync, selection: Selection, columns: string, low: number, high: number): Sql {
	const { conditions, keys } = selection;
	const walk = (from: number, to: number): Sql => ({
		sql: `SELECT ${columns} FROM connection NOT INDEXED WHERE id >= ? AND id < ? AND ${going("id")}${conditions.map((each) => ` AND ${sqlOf(each)}`).join("")}`,
		parameters: [from, to, ...conditions.flatMap(({ parameters }) => parameters)],
	});
	if (keys === null) return walk(low, high);
	const segments = readSegments(database);
	const parts: Sql[] = [];
	const floor = segments[0]?.low ?? high;
	if (low < floor) parts.push(walk(low, Math.min(floor, high)));
	const sealed = segments.length === 0 ? 0 : readSealed(database);
	if (segments.length > 0 && high > sealed) parts.push(walk(Math.max(low, sealed), high));
	const { column, condition } = keys;
	const rest = conditions.filter((each) => each !== condition);
	parts.push({
		sql:
			`SELECT ${columns} FROM (SELECT e.id AS entry FROM segment s CROSS JOIN by_${column} e ON e.segment = s.id ` +
			`WHERE s.high > ? AND s.low < ? AND e.id >= ? AND e.id < ? AND ${condition.sql(`e.${column}`)}) ` +
			`CROSS JOIN connection ON connection.id = entry AND ${going("connection.id")}${rest.map((each) => ` AND ${sqlOf(each)}`).join("")}`,
		parameters: [low, high, low, high, ...condition.parameters, ...rest.flatMap(({ parameters }) => parameters)],
	});
	return {
		sql: parts.map(({ sql }) => sql).join(" UNION ALL "),
		parameters: parts.flatMap(({ parameters }) => parameters),
	};
}
