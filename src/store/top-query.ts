/** Sums by one or two fields: from the rollups for whole spans and segments, from the rows at the edges. */
import type { DatabaseSync } from "node:sqlite";
import { addressOfBytes, addressText } from "../base/address.ts";
import { outcomeNames, phaseNames, verdictNames } from "../native/vocabulary.ts";
import type { TopField, TopQuery, TopRow } from "../records/contract.ts";
import { protocolText } from "../records/protocols.ts";
import type { Selected } from "./find.ts";
import { going } from "./interrupt.ts";
import { type Dimension, ROLLUPS, type Rollup } from "./rollup.ts";
import { iso, textOrNull } from "./row-view.ts";
import { rowsSql, type Sql } from "./rows.ts";
import { readParts } from "./segments.ts";
import { type Selection, select, sqlOf } from "./selection.ts";
import type { Part } from "./spans.ts";
import { allRows } from "./typed-rows.ts";

export interface TopOptions extends Selected {
	readonly groupBy: readonly TopField[];
	readonly sort: NonNullable<TopQuery["sort"]>;
	readonly limit: number;
}

/** Connections that began in the range. The bounds apply to the beginning of a connection, as those of rollup parts do. */
export function top(database: DatabaseSync, options: TopOptions): TopRow[] {
	const selection = select(database, options.terms);
	if (selection.empty) return [];
	const { sql, parameters } = topSql(database, selection, options);
	return allRows<Row>(database.prepare(sql), ...parameters).map((row) => rowOf(row, options.groupBy));
}

/** One statement. Exported for its plan's test. */
export function topSql(database: DatabaseSync, selection: Selection, options: TopOptions): Sql {
	const fields = options.groupBy.map((field) => FIELDS[field]);
	const dimensions = [...new Set(fields.map(({ dimension }) => dimension))];
	const rollup = rollupFor(selection, dimensions);
	const levels = readParts(database);
	/* Dropped segments retain only their open connections, so their sums would be partial. */
	const from = Math.max(levels[0]?.[0]?.low ?? 0, options.since ?? 0);
	const to = options.until ?? Number.MAX_SAFE_INTEGER;
	const parts = (rollup === null ? [{ low: from, high: to }] : cover(levels, from, to)).map((part) =>
		"level" in part
			? sumsSql(part, rollup?.table ?? "", selection, dimensions)
			: edgeSql(database, part, selection, dimensions),
	);
	const sums =
		"sum(t.n) AS n, sum(t.denied) AS denied, sum(t.would) AS would, sum(t.bytes_out) AS bytes_out, sum(t.bytes_in) AS bytes_in, " +
		"min(t.first) AS first, max(t.last) AS last";
	const list = dimensions.join(", ");
	const order = `ORDER BY ${SORTS[options.sort]} DESC, n DESC, ${list} LIMIT ?`;
	const inner = `SELECT ${list}, ${sums} FROM (${parts.map(({ sql }) => sql).join(" UNION ALL ")}) t GROUP BY ${list} HAVING sum(t.n) > 0`;
	const given = parts.flatMap(({ parameters }) => parameters);
	const joins = dimensions.map((each) => JOINS[each] ?? "").join("");
	const shown = fields.map(({ expression }, index) => `${expression} AS key${index}`).join(", ");
	/* If the key itself is the field, texts are looked up only for the rows of the answer. */
	const whole = fields.every(({ whole }) => whole);
	const sql = whole
		? `SELECT ${shown}, t.* FROM (${inner} ${order}) t${joins} ORDER BY t.${SORTS[options.sort]} DESC, t.n DESC`
		: `SELECT ${shown}, ${sums} FROM (${inner}) t${joins} GROUP BY ${fields.map((_, index) => `key${index}`).join(", ")} ` +
			`ORDER BY ${SORTS[options.sort]} DESC, n DESC, key0 LIMIT ?`;
	return { sql, parameters: [...given, options.limit] };
}

export type Piece =
	/** Sums of consecutive parts of one level. */
	| { readonly level: number; readonly first: number; readonly last: number }
	/** Rows with these ids. */
	| { readonly low: number; readonly high: number };

/** The largest parts that lie in [from, to), and rows for the remainder. */
export function cover(levels: readonly (readonly Part[])[], from: number, to: number): Piece[] {
	const whole = (levels[0] ?? []).filter(({ low, high }) => low >= from && high <= to);
	const [first] = whole;
	const last = whole.at(-1);
	if (first === undefined || last === undefined) return from < to ? [{ low: from, high: to }] : [];
	const above = levels.slice(1).map((parts) => new Map(parts.map((part) => [part.id, part])));
	const pieces: Piece[] = [];
	if (from < first.low) pieces.push({ low: from, high: first.low });
	let done = from;
	for (const segment of whole) {
		if (segment.low < done) continue;
		let part = segment;
		let level = 0;
		for (let next = above[0]?.get(part.span); next !== undefined; next = above[level]?.get(part.span)) {
			if (next.low < from || next.high > to) break;
			part = next;
			level++;
		}
		done = part.high;
		const previous = pieces.at(-1);
		if (previous !== undefined && "level" in previous && previous.level === level)
			pieces[pieces.length - 1] = { ...previous, last: part.id };
		else pieces.push({ level, first: part.id, last: part.id });
	}
	if (last.high < to) pieces.push({ low: last.high, high: to });
	return pieces;
}

/** Columns to group by. No rollup has `outcome`, so its rows are read. */
type Grouped = Dimension | "outcome";

interface Field {
	readonly dimension: Grouped;
	/** SQL over t (the sums) and the tables of JOINS. */
	readonly expression: string;
	/** Each value of the dimension has its own value of the field. */
	readonly whole: boolean;
	readonly text: (value: unknown) => string | number | null;
}

const text = (value: unknown) => textOrNull(value as string | null);

const FIELDS: Readonly<Record<TopField, Field>> = {
	name: { dimension: "name", expression: "dn.text", whole: true, text },
	address: {
		dimension: "remote",
		expression: "t.remote",
		whole: true,
		text: (value) => addressText(addressOfBytes(value as Uint8Array)),
	},
	port: { dimension: "port", expression: "t.port", whole: true, text: (value) => value as number },
	protocol: {
		dimension: "protocol",
		expression: "t.protocol",
		whole: true,
		text: (value) => protocolText(value as number),
	},
	outcome: {
		dimension: "outcome",
		expression: "t.outcome",
		whole: true,
		text: (value) => outcomeNames[value as number] ?? null,
	},
	process: { dimension: "workload", expression: "dw.comm", whole: false, text },
	exe: { dimension: "workload", expression: "dw.exe", whole: false, text },
	unit: { dimension: "workload", expression: "dw.unit", whole: false, text },
	container: { dimension: "workload", expression: "dw.container", whole: false, text },
	user: { dimension: "workload", expression: "iif(dw.user = '', CAST(dw.uid AS TEXT), dw.user)", whole: false, text },
	verdict: {
		dimension: "steps",
		expression: "coalesce(ds.verdict, 1)",
		whole: false,
		text: (value) => verdictNames[value as number] ?? null,
	},
	phase: {
		dimension: "steps",
		expression: "ds.phase",
		whole: false,
		text: (value) => phaseNames[value as number] ?? null,
	},
	rule: { dimension: "steps", expression: "ds.rule", whole: false, text },
	group: { dimension: "steps", expression: "ds.rule_group", whole: false, text },
};

const JOINS: Partial<Record<Grouped, string>> = {
	name: " LEFT JOIN name dn ON dn.id = t.name",
	workload: " LEFT JOIN workload dw ON dw.id = t.workload",
	steps: " LEFT JOIN steps ds ON ds.id = t.steps",
};

const SORTS: Readonly<Record<NonNullable<TopQuery["sort"]>, string>> = {
	count: "n",
	denied: "denied",
	wouldDeny: "would",
	bytesOut: "bytes_out",
	bytesIn: "bytes_in",
	last: "last",
};

interface Row {
	readonly key0: unknown;
	readonly key1?: unknown;
	readonly n: number;
	readonly denied: number;
	readonly would: number;
	readonly bytes_out: number;
	readonly bytes_in: number;
	readonly first: number;
	readonly last: number;
}

function rowOf(row: Row, groupBy: readonly TopField[]): TopRow {
	const key: Partial<Record<TopField, string | number | null>> = {};
	for (const [index, field] of groupBy.entries()) key[field] = FIELDS[field].text(index === 0 ? row.key0 : row.key1);
	return {
		key,
		count: row.n,
		denied: row.denied,
		wouldDeny: row.would,
		bytesOut: row.bytes_out,
		bytesIn: row.bytes_in,
		first: iso(row.first),
		last: iso(row.last),
	};
}

/** The smallest rollup with every column of the query; null: the rows have to be read. */
function rollupFor({ conditions }: Selection, dimensions: readonly Grouped[]): Rollup | null {
	const needed = new Set<string>([...dimensions, ...conditions.map(({ column }) => column)]);
	needed.delete("kind");
	return (
		ROLLUPS.find((rollup) => [...needed].every((each) => rollup.dimensions.some((dimension) => dimension === each))) ??
		null
	);
}

function sumsSql(
	{ level, first, last }: Extract<Piece, { level: number }>,
	table: string,
	{ conditions }: Selection,
	dimensions: readonly Grouped[],
): Sql {
	const own = conditions.map((each) => ` AND ${sqlOf(each)}`).join("");
	return {
		sql:
			`SELECT ${dimensions.join(", ")}, n, denied, would, bytes_out, bytes_in, first, last FROM ${table} ` +
			`WHERE level = ${level} AND part BETWEEN ? AND ? AND ${going("first")}${own}`,
		parameters: [first, last, ...conditions.flatMap(({ parameters }) => parameters)],
	};
}

function edgeSql(
	database: DatabaseSync,
	{ low, high }: Extract<Piece, { low: number }>,
	selection: Selection,
	dimensions: readonly Grouped[],
): Sql {
	const columns = `${dimensions.map((each) => `connection.${each}`).join(", ")}, times AS n, (verdict = 2) * times AS denied, (verdict = 3) * times AS would, bytes_out, bytes_in, id AS first, last`;
	return rowsSql(database, selection, columns, low, high);
}
