import { setImmediate as turn } from "node:timers/promises";
import type { Connection } from "../records/connection.ts";
import type {
	HistoryAs,
	HistoryPage,
	HistoryQuery,
	HistoryReader,
	HistoryRecord,
	HistorySort,
	LogQuery,
	NameRecord,
	NamesPage,
	NamesQuery,
	RowForm,
	TopQuery,
	TopRow,
	WrittenPage,
} from "../records/contract.ts";
import { rowsText } from "../records/rows-text.ts";
import { decodeCursor, encodeCursor } from "../store/cursors.ts";
import { mergeNameRecords, mergeNames, mergeTops } from "./merge.ts";
import { compareKeys, type Key, keyOf, ORDERS } from "./order.ts";
import type { RecentRecords } from "./recent.ts";

export interface BothRecordsOptions {
	readonly history: HistoryAs;
	readonly connections: () => Iterable<Connection>;
	readonly recent: (connections: readonly Connection[]) => RecentRecords;
}

/**
 * The records of the file and of memory, each once: for as long as the file cannot be written. A record that is in both is shown as
 * memory has it. Sums count it as the file has it, which may be older.
 */
export class BothRecords implements HistoryReader {
	readonly #o: BothRecordsOptions;

	constructor(options: BothRecordsOptions) {
		this.#o = options;
	}

	async query({
		filter = {},
		sort = "-first",
		limit = 100,
		cursor,
		hideArguments = false,
	}: HistoryQuery): Promise<HistoryPage> {
		const connections = [...this.#o.connections()];
		const ids = new Set(connections.map(({ id }) => id));
		const given = { filter, sort, limit, hideArguments, ...(cursor === undefined ? {} : { cursor }) };
		const memory = await this.#o.recent(connections).find(given);
		const items: Item[] = memory.page.map((connection) => ({ key: keyOf(connection, ORDERS[sort]), connection }));
		/* Position up to which the file has been read; null: to its end. */
		let end: Key | null = null;
		let next: string | null = cursor ?? null;
		for (let taken = 0; taken < limit; ) {
			const page: HistoryPage = await this.#o.history.query({
				...given,
				limit: Math.min(limit - taken, PART),
				...(next === null ? {} : { cursor: next }),
			});
			const rows = page.rows.filter(({ id }) => !ids.has(id));
			for (const row of rows) items.push({ key: keyOfRow(row, sort), row });
			taken += rows.length;
			next = page.next;
			const position = next === null ? null : decodeCursor(sort, next);
			end = position === null ? null : [position.value, position.id];
			if (next === null || page.rows.length === 0) break;
		}
		const { down } = ORDERS[sort];
		const sorted = items.sort((a, b) => compareKeys(a.key, b.key, down));
		const within = sorted.filter(({ key }) => end === null || compareKeys(key, end, down) <= 0);
		const page = within.slice(0, limit);
		const last = page.at(-1)?.key ?? end;
		const more = end !== null || memory.next !== null || within.length > limit;
		/* A page that the file's time budget cut short continues from the file's position. */
		const from = page.length < limit && end !== null ? end : last;
		return {
			rows: page.map((item) => ("row" in item ? item.row : memory.whole(item.connection))),
			next: more && from !== null ? encodeCursor(sort, { value: from[0], id: from[1] }) : null,
		};
	}

	async write(query: HistoryQuery, form: RowForm): Promise<WrittenPage> {
		const { rows, next } = await this.query(query);
		const parts: Uint8Array[] = [];
		for (let at = 0; at < rows.length; at += WRITTEN) {
			if (at > 0) await turn();
			parts.push(rowsText(rows.slice(at, at + WRITTEN), form));
		}
		return { parts, count: rows.length, next };
	}

	async get(id: number): Promise<HistoryRecord | null> {
		return (await this.#o.recent([...this.#o.connections()]).get(id)) ?? this.#o.history.get(id);
	}

	async top(query: TopQuery): Promise<readonly TopRow[]> {
		const recent = await this.#unwritten();
		const all = { ...query, limit: GROUPS };
		const [old, fresh] = await Promise.all([this.#o.history.top(all), recent.top(all)]);
		return mergeTops(old, fresh, query.sort ?? "count").slice(0, query.limit ?? 20);
	}

	async names(query: NamesQuery): Promise<NamesPage> {
		const recent = await this.#unwritten();
		const [old, fresh] = await Promise.all([this.#o.history.names(query), recent.names(query)]);
		return mergeNames(old, fresh, query.limit ?? 100);
	}

	async name(name: string): Promise<NameRecord | null> {
		const recent = await this.#unwritten();
		const [old, fresh] = await Promise.all([this.#o.history.name(name), recent.name(name)]);
		return old === null || fresh === null ? (old ?? fresh) : mergeNameRecords(old, fresh);
	}

	policyChanges(query: LogQuery) {
		return this.#o.history.policyChanges(query);
	}

	starts(query: LogQuery) {
		return this.#o.history.starts(query);
	}

	/** The records of memory that are not in the file. */
	async #unwritten(): Promise<RecentRecords> {
		const connections = [...this.#o.connections()];
		const known = await this.#o.history.known(connections.map(({ id }) => id));
		return this.#o.recent(connections.filter(({ id }) => !known.has(id)));
	}
}

type Item = { readonly key: Key } & ({ readonly row: HistoryRecord } | { readonly connection: Connection });

/** Rows that the reader's thread returns as objects in one step. */
const PART = 200;
/** Rows formatted in one step. */
const WRITTEN = 50;
/** Maximum number of groups merged from each source. */
const GROUPS = 10_000;

/* The position that the file gives the row (find.ts). */
function keyOfRow({ id, durationMs, bytesOut, bytesIn }: HistoryRecord, sort: HistorySort): Key {
	const values = { first: id, last: id + Math.round(durationMs * 1_000), bytesOut, bytesIn };
	return [values[sort.replace("-", "") as keyof typeof values], id];
}
