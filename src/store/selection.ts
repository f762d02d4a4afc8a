/**
 * The terms of a filter as SQL. Terms about names, workloads and decisions are tested on the rows of their small table, and become
 * sets of its keys in temporary tables. The others are conditions on columns of `connection`.
 */
import type { DatabaseSync } from "node:sqlite";
import type { AddressRange } from "../base/address.ts";
import { type Term, testOn } from "../records/filter.ts";
import { type Decided, type Named, type Subjects, UNDECIDED, type Workload } from "../records/filter-subject.ts";
import type { ColumnCondition, OwnColumn } from "../records/filter-word.ts";
import { isNarrow, TERM_WORDS } from "../records/filter-words.ts";
import { type NamePattern, namePattern } from "../records/patterns.ts";
import { going } from "./interrupt.ts";
import type { EntryColumn } from "./segments.ts";
import { allRows, eachRow, firstRow } from "./typed-rows.ts";

export interface Condition extends ColumnCondition {
	/** The column that a rollup needs to answer it; "row": only table `connection` can. */
	readonly column: Column;
}

export type Column = "name" | "workload" | "steps" | OwnColumn | "row";

/** The entries (segments.ts) through which rows are found; `condition` is one of the selection's conditions, on that column. */
export interface Keys {
	readonly column: EntryColumn;
	readonly condition: Condition;
}

export interface Selection {
	readonly conditions: readonly Condition[];
	/** Null: rows are found by time. */
	readonly keys: Keys | null;
	/** Nothing can match. */
	readonly empty: boolean;
}

/** Fills temporary tables of the connection that are valid until the next call. */
export function select(database: DatabaseSync, terms: readonly Term[]): Selection {
	const names = nameConditions(database, terms);
	const process = processConditions(database, terms);
	const workloads = rowConditions(database, "workload", readWorkloads, terms, [process.superset]);
	const steps = rowConditions(database, "steps", readSteps, terms);
	const own = terms.flatMap(ownCondition);
	const keys = names.keys ?? own.map(addressKeys).find((each) => each !== null) ?? workloads.keys ?? steps.keys;
	return {
		conditions: [
			...own.map(({ condition }) => condition),
			...process.conditions,
			...names.conditions,
			...workloads.conditions,
			...steps.conditions,
		],
		keys,
		empty: names.empty || workloads.empty || steps.empty,
	};
}

/** The condition on its own column: for statements that read one table. */
export function sqlOf({ column, sql }: Condition): string {
	return sql(column);
}

/** Above it, reading the rows of a segment is as fast as looking up each key. */
const MANY = 4_096;

interface Chosen {
	readonly conditions: readonly Condition[];
	readonly keys: Keys | null;
	readonly empty: boolean;
}

const ANYTHING: Chosen = { conditions: [], keys: null, empty: false };

/** The test of a term on rows of a small table. */
interface RowTest<S> {
	readonly negated: boolean;
	readonly matches: (row: S) => boolean;
}

type Row<S> = S & { readonly id: number };

function rowConditions<K extends "workload" | "steps">(
	database: DatabaseSync,
	column: K,
	read: (database: DatabaseSync) => Iterable<Row<Subjects[K]>>,
	terms: readonly Term[],
	more: readonly (RowTest<Row<Subjects[K]>> | null)[] = [],
): Chosen {
	const tests: RowTest<Row<Subjects[K]>>[] = more.filter((each) => each !== null);
	for (const term of terms) {
		const matches = hasPid(term) ? null : testOn(column, term);
		if (matches !== null) tests.push({ negated: term.negated, matches });
	}
	return tests.length === 0 ? ANYTHING : chosen(database, column, read(database), tests);
}

/**
 * Ids that every test selects. If all tests are negated, the set holds the few ids that one of them excludes rather than all others.
 */
function chosen<S>(
	database: DatabaseSync,
	column: "name" | "workload" | "steps",
	rows: Iterable<Row<S>>,
	tests: readonly RowTest<Row<S>>[],
): Chosen {
	const excludes = tests.every(({ negated }) => negated);
	const ids = new Set<number>();
	for (const row of rows) {
		const isIn = excludes
			? tests.some(({ matches }) => matches(row))
			: tests.every(({ negated, matches }) => matches(row) !== negated);
		if (isIn) ids.add(row.id);
	}
	if (ids.size === 0) return excludes ? ANYTHING : { ...ANYTHING, empty: true };
	const condition: Condition = { column, ...setCondition(database, column, ids, excludes) };
	return {
		conditions: [condition],
		keys: excludes || ids.size > MANY ? null : { column, condition },
		empty: false,
	};
}

function setCondition(
	database: DatabaseSync,
	name: string,
	ids: ReadonlySet<number>,
	excludes: boolean,
): ColumnCondition {
	const [first = 0] = ids;
	if (ids.size === 1) return { sql: (column) => `${column} ${excludes ? "<>" : "="} ?`, parameters: [first] };
	const table = fill(database, name, ids);
	return { sql: (column) => `${column} ${excludes ? "NOT " : ""}IN (SELECT id FROM ${table})`, parameters: [] };
}

function fill(database: DatabaseSync, name: string, ids: Iterable<number>): string {
	const table = `selected_${name}`;
	database.exec(`CREATE TEMP TABLE IF NOT EXISTS ${table} (id INTEGER PRIMARY KEY); DELETE FROM temp.${table}`);
	const insert = database.prepare(`INSERT INTO temp.${table} VALUES (?)`);
	for (const id of ids) insert.run(id);
	return `temp.${table}`;
}

function nameConditions(database: DatabaseSync, terms: readonly Term[]): Chosen {
	const conditions: Condition[] = [];
	const tests: (RowTest<Row<Named>> & { readonly patterns: readonly NamePattern[] })[] = [];
	for (const term of terms) {
		const matches = testOn("name", term);
		if (matches === null) continue;
		const patterns = term.values.map((value) => namePattern(String(value)));
		/* 0: the connection has no name. */
		const sql = (column: string) => `${column} ${term.negated ? "=" : "<>"} 0`;
		if (patterns.some(({ all }) => all)) conditions.push({ column: "name", sql, parameters: [] });
		else tests.push({ negated: term.negated, matches, patterns });
	}
	if (tests.length === 0) return { ...ANYTHING, conditions };
	/* Every test has to hold, so the names of one positive term are enough to look at. */
	const positive = tests.find(({ negated }) => !negated);
	const patterns = positive === undefined ? tests.flatMap((each) => each.patterns) : positive.patterns;
	const found = chosen(database, "name", readNames(database, patterns), tests);
	return { ...found, conditions: [...conditions, ...found.conditions] };
}

/** Names that one of the patterns may match, each through the index that its pattern allows. */
function* readNames(database: DatabaseSync, patterns: readonly NamePattern[]): Iterable<Row<Named>> {
	const isOpen = ({ exact, reversedPrefix }: NamePattern) => exact === null && reversedPrefix === "";
	if (patterns.some(isOpen)) {
		yield* eachRow<Row<Named>>(database.prepare(`SELECT id, text AS name FROM name WHERE ${going("id")}`));
		return;
	}
	const byText = database.prepare("SELECT id, text AS name FROM name WHERE text = ?");
	const byEnd = database.prepare(
		`SELECT id, text AS name FROM name WHERE reversed >= ? AND reversed < ? AND ${going("id")}`,
	);
	for (const { exact, reversedPrefix } of patterns) {
		if (exact === null) {
			/* "/" follows ".", which ends every prefix. */
			yield* eachRow<Row<Named>>(byEnd, reversedPrefix, `${reversedPrefix.slice(0, -1)}/`);
			continue;
		}
		const found = firstRow<Row<Named>>(byText, exact);
		if (found !== undefined) yield found;
	}
}

function* readWorkloads(database: DatabaseSync): Iterable<Row<Workload>> {
	yield* eachRow<Row<Workload>>(
		database.prepare(
			"SELECT id, NULL AS pid, nullif(comm, '') AS comm, nullif(exe, '') AS exe, uid, nullif(user, '') AS user, " +
				"nullif(unit, '') AS unit, nullif(container, '') AS container FROM workload WHERE " +
				going("id"),
		),
	);
}

function* readSteps(database: DatabaseSync): Iterable<Row<Decided>> {
	yield { id: 0, ...UNDECIDED };
	const all = database.prepare(`SELECT id, verdict, phase, rule_group, rule, detail FROM steps WHERE ${going("id")}`);
	for (const { id, verdict, phase, rule_group: group, rule: name, detail } of eachRow<Steps>(all)) {
		yield {
			id,
			verdict,
			phase,
			rule: name === "" ? null : { group, name },
			get alerts() {
				const { alerts } = JSON.parse(detail) as { readonly alerts: readonly (readonly [string, string])[] };
				return alerts.map(([group, name]) => ({ group, name }));
			},
		};
	}
}

interface Steps {
	readonly id: number;
	readonly verdict: number;
	readonly phase: number;
	readonly rule_group: string;
	readonly rule: string;
	readonly detail: string;
}

/**
 * Terms with process ids. A connection matches by the id of its process or by the other properties of its program. Connections
 * of a positive term are found through `superset`: the programs that match or that ran under one of the ids.
 */
function processConditions(
	database: DatabaseSync,
	terms: readonly Term[],
): { readonly conditions: readonly Condition[]; readonly superset: RowTest<Row<Workload>> | null } {
	const conditions: Condition[] = [];
	let superset: RowTest<Row<Workload>> | null = null;
	for (const term of terms) {
		const matches = hasPid(term) ? testOn("workload", term) : null;
		if (matches === null) continue;
		const programs = new Set<number>();
		for (const row of readWorkloads(database)) if (matches(row)) programs.add(row.id);
		const table = fill(database, term.negated ? "not_process" : "process", programs);
		const pids = pidsOf(term);
		const either = `(process IN (SELECT id FROM process WHERE pid IN (${pids.join(", ")})) OR workload IN (SELECT id FROM ${table}))`;
		conditions.push({ column: "row", sql: () => (term.negated ? `NOT ${either}` : either), parameters: [] });
		if (term.negated) continue;
		const ran = allRows<{ readonly id: number }>(
			database.prepare(`SELECT DISTINCT workload AS id FROM process WHERE pid IN (${pids.join(", ")})`),
		);
		for (const { id } of ran) programs.add(id);
		superset = { negated: false, matches: ({ id }) => programs.has(id) };
	}
	return { conditions, superset };
}

/** Numbers: they may stand in SQL as they are. */
function pidsOf({ word, values }: Term): readonly number[] {
	const { pidOf = () => null } = TERM_WORDS[word];
	return values.map(pidOf).filter((pid) => pid !== null);
}

function hasPid(term: Term): boolean {
	return pidsOf(term).length > 0;
}

interface OwnTerm {
	readonly term: Term;
	readonly condition: Condition;
}

function ownCondition(term: Term): OwnTerm[] {
	const word = TERM_WORDS[term.word];
	if (word.on !== "own") return [];
	const { sql, parameters } = word.condition(term.values);
	const whole = (column: string) => (term.negated ? `NOT ${sql(column)}` : sql(column));
	/* Rollups do not keep whether a connection is open. */
	const column: Column = word.column === "open" ? "row" : word.column;
	return [{ term, condition: { column, sql: column === "row" ? () => whole(word.column) : whole, parameters } }];
}

function addressKeys({ term, condition }: OwnTerm): Keys | null {
	if (condition.column !== "remote" || term.negated) return null;
	const ranges = term.values.filter((value): value is AddressRange => typeof value === "object" && "low" in value);
	/* A wide prefix holds most of the rows: by time they are found sooner. */
	return ranges.every(isNarrow) ? { column: "remote", condition } : null;
}
