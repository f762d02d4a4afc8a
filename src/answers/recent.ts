import { setImmediate as turn } from "node:timers/promises";
import type { ForwardLookup } from "../connections/forward-lookup.ts";
import type { Connection } from "../records/connection.ts";
import type {
	HistoryPage,
	HistoryQuery,
	HistoryReader,
	HistoryRecord,
	NameRecord,
	NamesPage,
	NamesQuery,
	RowForm,
	TopQuery,
	TopRow,
	WrittenPage,
} from "../records/contract.ts";
import { compileFilter, type Predicate } from "../records/filter.ts";
import { normalName } from "../records/patterns.ts";
import { rowsText } from "../records/rows-text.ts";
import { type Describer, type ViewOf, withoutArguments } from "../records/view.ts";
import { decodeCursor, encodeCursor, nameOfCursor } from "../store/cursors.ts";
import { Best } from "./best.ts";
import { inOrder, isAfter, type Key, keyOf, ORDERS } from "./order.ts";
import { NameCounts } from "./recent-names.ts";
import { TopGroups } from "./recent-top.ts";
import { inSlices } from "./slices.ts";

export interface RecentOptions {
	readonly connections: () => Iterable<Connection>;
	readonly names: ForwardLookup;
	readonly describe: Describer;
	readonly view: ViewOf;
}

/** Queries of the records in memory: for a daemon without history, and while its file cannot be read or written. */
export class RecentRecords implements HistoryReader {
	readonly #o: RecentOptions;

	constructor(options: RecentOptions) {
		this.#o = options;
	}

	async query(query: HistoryQuery): Promise<HistoryPage> {
		const { page, next, whole } = await this.find(query);
		return { rows: page.map(whole), next };
	}

	async write(query: HistoryQuery, form: RowForm): Promise<WrittenPage> {
		const { page, next, whole } = await this.find(query);
		const parts: Uint8Array[] = [];
		for (let at = 0; at < page.length; at += PART) {
			if (at > 0) await turn();
			const rows = page.slice(at, at + PART).map(whole);
			parts.push(rowsText(rows, form));
		}
		return { parts, count: page.length, next };
	}

	/** A page of connections rather than of their views. */
	async find({
		filter = {},
		sort = "-first",
		limit = 100,
		cursor,
		hideArguments = false,
	}: HistoryQuery): Promise<Found> {
		const position = decodeCursor(sort, cursor);
		const after: Key | null = position === null ? null : [position.value, position.id];
		const order = ORDERS[sort];
		const found = new Best<Connection>(limit + 1, inOrder(order));
		await this.#each(compileFilter(filter, this.#o.describe), (connection) => {
			if (after === null || isAfter(connection, after, order)) found.add(connection);
		});
		const page = found.items.slice(0, limit);
		const last = page.at(-1);
		const [value, id] = last === undefined ? [0, 0] : keyOf(last, order);
		const next = found.items.length > limit ? encodeCursor(sort, { value, id }) : null;
		const whole = (connection: Connection) => this.whole(connection);
		return { page, next, whole: hideArguments ? (connection) => withoutArguments(whole(connection)) : whole };
	}

	async get(id: number): Promise<HistoryRecord | null> {
		const found: Connection[] = [];
		await this.#each(
			(connection) => connection.id === id,
			(connection) => found.push(connection),
		);
		return found[0] === undefined ? null : this.whole(found[0]);
	}

	async top({ groupBy, filter = {}, sort = "count", limit = 20 }: TopQuery): Promise<readonly TopRow[]> {
		const groups = new TopGroups(groupBy, this.#o.describe);
		const { since = 0, ...rest } = filter;
		await this.#each(compileFilter(rest, this.#o.describe), (connection) => {
			if (connection.first >= since) groups.add(connection);
		});
		return groups.rows(sort, limit);
	}

	async names({ terms = [], since = 0, limit = 100, cursor }: NamesQuery): Promise<NamesPage> {
		const counts = new NameCounts(this.#o.names, this.#o.view);
		await this.#each(compileFilter({ terms }, this.#o.describe), (connection) => counts.add(connection));
		return counts.page(since, limit, cursor === undefined ? "" : nameOfCursor(cursor));
	}

	async name(name: string): Promise<NameRecord | null> {
		const plain = normalName(name);
		const counts = new NameCounts(this.#o.names, this.#o.view);
		await this.#each(
			(connection) => connection.name === plain,
			(connection) => {
				counts.add(connection);
				counts.addClient(connection);
			},
		);
		return counts.record(plain);
	}

	async policyChanges(): Promise<readonly []> {
		return [];
	}

	async starts(): Promise<readonly []> {
		return [];
	}

	/** The view, with the fields that only records have. */
	whole(connection: Connection): HistoryRecord {
		return {
			...this.#o.view(connection),
			rttUs: connection.rttUs === 0 ? null : connection.rttUs,
			retransmits: connection.retransmits,
			encryptedHello: connection.ech,
		};
	}

	async #each(matches: Predicate, take: (connection: Connection) => void): Promise<void> {
		/* A copy: the tables change between slices. */
		await inSlices([...this.#o.connections()], (connection) => {
			if (matches(connection)) take(connection);
		});
	}
}

interface Found {
	readonly page: readonly Connection[];
	readonly next: string | null;
	readonly whole: (connection: Connection) => HistoryRecord;
}

/** Rows formatted in one step. */
const PART = 50;
