/**
 * A question in the words of the file: what is asked of names, workloads and decisions becomes sets of their keys, in temporary tables;
 * the rest conditions on a connection's own columns.
 */
import type { DatabaseSync } from "node:sqlite";
import { wildcard } from "../records/filter.ts";
import { namePattern } from "../records/patterns.ts";
import type { Wanted } from "./filter-keys.ts";
import type { EntryColumn } from "./segments.ts";

export interface Condition {
	/** What a rollup must have to answer it; "row": only the connection itself has it. */
	readonly column: Column;
	readonly sql: string;
	readonly parameters: readonly (number | Uint8Array)[];
}

export type Column = "kind" | "name" | "workload" | "steps" | "protocol" | "port" | "remote" | "row";

/** The entries (segments.ts) by which to look; `condition` is one of the conditions, on that column. */
export interface Keys {
	readonly column: EntryColumn;
	readonly condition: Condition;
}

export interface Selection {
	readonly conditions: readonly Condition[];
	/** Null: by time. */
	readonly keys: Keys | null;
	/** Nothing can match. */
	readonly empty: boolean;
}

export function select(database: DatabaseSync, wanted: Wanted): Selection {
	const conditions = ownColumns(wanted);
	const names = wanted.name === null ? null : nameSet(database, wanted.name);
	const workloads = workloadSet(database, wanted);
	const steps = stepsSet(database, wanted);
	const sets = [
		["name", names],
		["workload", workloads],
		["steps", steps],
	] as const;
	for (const [column, set] of sets) {
		if (set === ANY) conditions.push({ column, sql: `${column} <> 0`, parameters: [] });
		else if (set?.length === 1) conditions.push({ column, sql: `${column} = ?`, parameters: set });
		else if (set !== null) conditions.push({ column, sql: fill(database, column, set), parameters: [] });
	}
	const few = (set: readonly number[] | null, most: number) => set !== null && set !== ANY && set.length <= most;
	let column: EntryColumn | null = null;
	if (few(names, MANY)) column = "name";
	else if (wanted.address !== null && isNarrow(wanted.address)) column = "remote";
	else if (few(workloads, MANY)) column = "workload";
	else if (few(steps, MANY)) column = "steps";
	const condition = conditions.find((each) => each.column === column);
	return {
		conditions,
		keys: column === null || condition === undefined ? null : { column, condition },
		empty: sets.some(([, set]) => set !== ANY && set?.length === 0),
	};
}

/** Keys of the names that match; ANY for what every name matches. */
export function nameSet(database: DatabaseSync, pattern: string): readonly number[] {
	if (pattern === "*" || pattern === "**") return ANY;
	const { matches, exact, reversedPrefix } = namePattern(pattern);
	if (exact !== null) {
		const found = database.prepare("SELECT id FROM name WHERE text = ?").get(exact) as Id | undefined;
		return found === undefined ? [] : [found.id];
	}
	const statement =
		reversedPrefix === ""
			? database.prepare("SELECT id, text FROM name")
			: database.prepare("SELECT id, text FROM name WHERE reversed >= ? AND reversed < ?");
	/* "/" comes after ".", with which a prefix ends. */
	const bounds = reversedPrefix === "" ? [] : [reversedPrefix, `${reversedPrefix.slice(0, -1)}/`];
	const found: number[] = [];
	for (const { id, text } of statement.iterate(...bounds) as Iterable<Id & { text: string }>)
		if (matches(text)) found.push(id);
	return found;
}

/** What is compared by identity: every name. */
export const ANY: readonly number[] = [];

/* Above it a walk over the rows of a segment is as quick as a look-up for each. */
const MANY = 4_096;
const PID = /^\d{1,10}$/;

interface Id {
	readonly id: number;
}

function ownColumns({ kind, open, port, protocol, address, process }: Wanted): Condition[] {
	const conditions: Condition[] = [];
	const add = (column: Column, sql: string, ...parameters: (number | Uint8Array)[]) =>
		conditions.push({ column, sql, parameters });
	if (kind !== null) add("kind", "kind = ?", kind);
	if (open !== null) add("row", open ? "open = 1" : "open <> 1");
	if (port !== null) add("port", "port BETWEEN ? AND ?", port.from, port.to);
	if (protocol !== null) add("protocol", "protocol = ?", protocol);
	if (process !== null && PID.test(process)) {
		/* Digits alone: it may stand in SQL as it is. */
		const text = "process IN (SELECT id FROM process WHERE pid = ?)";
		add("row", `(${text} OR workload IN (SELECT id FROM workload WHERE comm = '${process}'))`, Number(process));
	}
	if (address !== null) {
		/* Blobs compare byte by byte: a longer one may lie between two shorter ones. */
		add("remote", `remote BETWEEN ? AND ? AND length(remote) = ${address.low.length}`, address.low, address.high);
	}
	return conditions;
}

function workloadSet(database: DatabaseSync, wanted: Wanted): number[] | null {
	const { process, exe, unit, container, user } = wanted;
	if (process === null && exe === null && unit === null && container === null && user === null) return null;
	const tests: ((row: Workload) => boolean)[] = [];
	if (unit !== null) tests.push(textTest(unit, (row) => row.unit));
	if (exe !== null) tests.push(exeTest(exe));
	if (user !== null) tests.push((row) => String(row.uid) === user || row.user === user);
	if (container !== null) {
		const matches = wildcard(container);
		tests.push(
			(row) =>
				row.container !== "" &&
				(matches(row.container) ||
					(container.length >= 4 && (container.startsWith(row.container) || row.container.startsWith(container)))),
		);
	}
	if (process !== null) {
		const comm = textTest(process, (row) => row.comm);
		const path = exeTest(process);
		const byPid = new Set(pidWorkloads(database, process));
		tests.push((row) => byPid.has(row.id) || comm(row) || path(row));
	}
	const found: number[] = [];
	const all = database.prepare("SELECT id, comm, exe, uid, user, unit, container FROM workload");
	for (const row of all.iterate() as Iterable<Workload>) if (tests.every((test) => test(row))) found.push(row.id);
	return found;
}

interface Workload {
	readonly id: number;
	readonly comm: string;
	readonly exe: string;
	readonly uid: number;
	readonly user: string;
	readonly unit: string;
	readonly container: string;
}

function textTest(pattern: string, of: (row: Workload) => string): (row: Workload) => boolean {
	const matches = wildcard(pattern);
	return (row) => of(row) !== "" && matches(of(row));
}

function exeTest(pattern: string): (row: Workload) => boolean {
	const matches = wildcard(pattern);
	return ({ exe }) => exe !== "" && (matches(exe) || matches(exe.slice(exe.lastIndexOf("/") + 1)));
}

function pidWorkloads(database: DatabaseSync, text: string): number[] {
	if (!PID.test(text)) return [];
	const rows = database.prepare("SELECT DISTINCT workload AS id FROM process WHERE pid = ?").all(Number(text));
	return (rows as unknown as Id[]).map(({ id }) => id);
}

function stepsSet(database: DatabaseSync, { verdict, phase, rule, group }: Wanted): number[] | null {
	if (verdict === null && phase === null && rule === null && group === null) return null;
	const ruleMatches = rule === null ? null : wildcard(rule);
	const groupMatches = group === null ? null : wildcard(group);
	/* 0, where nothing was decided, is let through. */
	const found = phase === null && rule === null && group === null && verdict === 1 ? [0] : [];
	const all = database.prepare("SELECT id, verdict, phase, rule_group, rule, detail FROM steps");
	for (const row of all.iterate() as Iterable<Steps>) {
		if (verdict !== null && row.verdict !== verdict) continue;
		if (phase !== null && row.phase !== phase) continue;
		if (ruleMatches !== null && !(row.rule !== "" && ruleMatches(row.rule)) && !alerted(row, 1, ruleMatches)) continue;
		if (groupMatches !== null && !(row.rule !== "" && groupMatches(row.rule_group)) && !alerted(row, 0, groupMatches))
			continue;
		found.push(row.id);
	}
	return found;
}

interface Steps {
	readonly id: number;
	readonly verdict: number;
	readonly phase: number;
	readonly rule_group: string;
	readonly rule: string;
	readonly detail: string;
}

function alerted({ detail }: Steps, index: 0 | 1, matches: (text: string) => boolean): boolean {
	const { alerts } = JSON.parse(detail) as { readonly alerts: readonly (readonly [string, string])[] };
	return alerts.some((alert) => matches(alert[index]));
}

/* A wide prefix has most of what there is: by time it is found sooner. */
function isNarrow({ low, high }: NonNullable<Wanted["address"]>): boolean {
	const same = low.findIndex((byte, index) => byte !== high[index]);
	return same < 0 || same >= (low.length === 4 ? 1 : 4);
}

function fill(database: DatabaseSync, column: string, set: readonly number[]): string {
	const table = `wanted_${column}`;
	database.exec(`CREATE TEMP TABLE IF NOT EXISTS ${table} (id INTEGER PRIMARY KEY); DELETE FROM temp.${table}`);
	const insert = database.prepare(`INSERT INTO temp.${table} VALUES (?)`);
	for (const id of set) insert.run(id);
	return `${column} IN (SELECT id FROM temp.${table})`;
}
