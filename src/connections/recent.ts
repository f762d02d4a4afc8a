import { setImmediate as turn } from "node:timers/promises";
import type {
	HistoryPage,
	HistoryQuery,
	HistoryReader,
	HistoryRecord,
	NameRecord,
	NamesPage,
	NamesQuery,
	TopQuery,
	TopRow,
} from "../store/history.ts";
import type { Connection } from "./connection.ts";
import { compileFilter, type Predicate } from "./filter.ts";
import type { NameBook } from "./name-book.ts";
import { isBehind, keyOf, ORDERS, place, readCursor, writeCursor } from "./order.ts";
import { NameCounts } from "./recent-names.ts";
import { TopGroups } from "./recent-top.ts";
import type { Describer, ViewOf } from "./view.ts";

export interface RecentOptions {
	readonly connections: () => Iterable<Connection>;
	readonly names: NameBook;
	readonly describe: Describer;
	readonly view: ViewOf;
}

/** The records in memory, asked as history is: for a daemon without history, and while its file cannot be written. */
export class RecentRecords implements HistoryReader {
	readonly #o: RecentOptions;

	constructor(options: RecentOptions) {
		this.#o = options;
	}

	async query({ filter = {}, sort = "-first", limit = 100, cursor }: HistoryQuery): Promise<HistoryPage> {
		const after = cursor === undefined ? null : readCursor(cursor, sort);
		const order = ORDERS[sort];
		const page: Connection[] = [];
		await this.#each(compileFilter(filter, this.#o.describe), (connection) => {
			if (after === null || isBehind(connection, after, order)) place(page, connection, order, limit + 1);
		});
		const rows = page.slice(0, limit);
		const last = rows.at(-1);
		const next = page.length > limit && last !== undefined ? writeCursor(keyOf(last, order), sort) : null;
		return { rows: rows.map((connection) => this.whole(connection)), next };
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
		await this.#each(compileFilter(filter, this.#o.describe), (connection) => groups.add(connection));
		return groups.rows(sort, limit);
	}

	async names({ name, since = 0, limit = 100, cursor = "" }: NamesQuery): Promise<NamesPage> {
		const counts = new NameCounts(this.#o.names, this.#o.view);
		await this.#each(compileFilter(name === undefined ? {} : { name }, this.#o.describe), (connection) =>
			counts.add(connection),
		);
		return counts.page(since, limit, cursor);
	}

	async name(name: string): Promise<NameRecord | null> {
		const plain = name.toLowerCase().replace(/\.$/, "");
		const counts = new NameCounts(this.#o.names, this.#o.view);
		await this.#each(
			(connection) => connection.name === plain,
			(connection) => {
				counts.add(connection);
				counts.ask(connection);
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

	/** With what history keeps besides the view. */
	whole(connection: Connection): HistoryRecord {
		return {
			...this.#o.view(connection),
			rttUs: connection.rttUs === 0 ? null : connection.rttUs,
			retransmits: connection.retransmits,
			encryptedHello: connection.ech,
		};
	}

	/* Some at a time: who asks must not hold up the ring. */
	async #each(matches: Predicate, take: (connection: Connection) => void): Promise<void> {
		const all = [...this.#o.connections()];
		let began = performance.now();
		for (const [index, connection] of all.entries()) {
			if (matches(connection)) take(connection);
			if (index % LOOK_EVERY !== 0 || performance.now() - began < SLICE) continue;
			await turn();
			began = performance.now();
		}
	}
}

const LOOK_EVERY = 64;
/** ms */
const SLICE = 3;
