/** The queries of the reader's thread, and their handlers. */
import type { DatabaseSync } from "node:sqlite";
import type { DaemonStart, HistoryRecord, NameRecord, PolicyChange, RowForm, TopRow } from "../records/contract.ts";
import { rowsText } from "../records/rows-text.ts";
import type { Position } from "./cursors.ts";
import { type FindOptions, find } from "./find.ts";
import { listNames, type NamesFound, type NamesOptions, readName } from "./names-query.ts";
import { readRecords } from "./row-view.ts";
import { type TopOptions, top } from "./top-query.ts";
import { allRows } from "./typed-rows.ts";

/** By operation: the query, and its answer. */
export interface Requests {
	readonly query: [PageOptions, { readonly rows: HistoryRecord[]; readonly next: Position | null }];
	readonly write: [
		PageOptions & { readonly form: RowForm },
		{ readonly bytes: Uint8Array<ArrayBuffer>; readonly count: number; readonly next: Position | null },
	];
	readonly get: [number, HistoryRecord | null];
	readonly top: [TopOptions, TopRow[]];
	readonly names: [NamesOptions, NamesFound];
	readonly name: [string, NameRecord | null];
	readonly known: [readonly number[], number[]];
	readonly policyChanges: [LogOptions, PolicyChange[]];
	readonly starts: [LogOptions, DaemonStart[]];
}

export type PageOptions = FindOptions & { readonly hideArguments?: boolean };

export interface LogOptions {
	/** [µs] At or after it. */
	readonly since: number;
	readonly limit: number;
}

export type Operation = keyof Requests;

export type Handlers = { readonly [K in Operation]: (database: DatabaseSync, query: Requests[K][0]) => Requests[K][1] };

export const HANDLERS: Handlers = {
	query(database, options) {
		const { ids, next } = find(database, options);
		return { rows: readRecords(database, ids, options.hideArguments), next };
	},
	write(database, { form, ...options }) {
		const { ids, next } = find(database, options);
		const rows = readRecords(database, ids, options.hideArguments);
		return { bytes: rowsText(rows, form), count: rows.length, next };
	},
	get: (database, id) => readRecords(database, [id])[0] ?? null,
	top,
	names: listNames,
	name: readName,
	known(database, ids) {
		const has = database.prepare("SELECT 1 FROM connection WHERE id = ?");
		return ids.filter((id) => has.get(id) !== undefined);
	},
	policyChanges: (database, options) => log(database, "policy_change", options),
	starts: (database, options) => log(database, "daemon_start", options),
};

function log<T>(database: DatabaseSync, table: string, { since, limit }: LogOptions): T[] {
	const rows = database.prepare(`SELECT detail FROM ${table} WHERE time >= ? ORDER BY time DESC LIMIT ?`);
	return allRows<{ readonly detail: string }>(rows, since, limit).map(({ detail }) => JSON.parse(detail) as T);
}
