import type { DatabaseSync, StatementSync } from "node:sqlite";
import { addressBytes, addressOfBytes } from "../base/address.ts";
import { BoundedMap } from "../base/bounded.ts";
import { type Batch, FIELD, FLAG } from "./batch.ts";
import type { Dimensions, WhoIds } from "./dimensions.ts";
import { LateSums, type Summed } from "./rollup.ts";
import { ENTRIES, type EntryColumn, type Segments } from "./segments.ts";
import type { Part } from "./spans.ts";
import { NAME_SOURCES } from "./tables.ts";
import { eachRow, onlyRow } from "./typed-rows.ts";

/** Writes rows of connections: one each, however often a connection is recorded. */
export class ConnectionWriter {
	readonly #dimensions: Dimensions;
	readonly #segments: Segments;
	readonly #sums: LateSums;
	readonly #entries: Readonly<Record<EntryColumn, EntryStatements>>;
	readonly #insert: StatementSync;
	readonly #update: StatementSync;
	readonly #before: StatementSync;
	/** Rows that an earlier daemon left open, by socket and destination. */
	readonly #carried = new Map<string, number>();
	/** Connections whose row has another id. */
	readonly #aliases = new BoundedMap<string, number>(ALIASES);

	constructor(database: DatabaseSync, dimensions: Dimensions, segments: Segments) {
		this.#dimensions = dimensions;
		this.#segments = segments;
		this.#sums = new LateSums(database);
		const entries = (column: EntryColumn): EntryStatements => ({
			add: database.prepare(`INSERT INTO by_${column} VALUES (?, ?, ?) ON CONFLICT DO NOTHING`),
			remove: database.prepare(`DELETE FROM by_${column} WHERE segment = ? AND ${column} = ? AND id = ?`),
		});
		this.#entries = {
			name: entries("name"),
			workload: entries("workload"),
			steps: entries("steps"),
			remote: entries("remote"),
		};
		const columns = [...FIXED, ...CHANGING];
		this.#insert = database.prepare(
			`INSERT INTO connection (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")}) ON CONFLICT DO NOTHING`,
		);
		const changed = CHANGING.map((column) => `${column} = ?`);
		this.#update = database.prepare(`UPDATE connection SET ${changed.join(", ")} WHERE id = ?`);
		this.#before = database.prepare(BEFORE);
		for (const row of eachRow<Before>(database.prepare(CARRIED))) {
			this.#carried.set(identity(row.cookie, row.kind, row.protocol, row.port, addressOfBytes(row.remote)), row.id);
		}
	}

	/** Returns the number of new rows. Call it within a transaction. */
	write(batch: Batch): number {
		const { numbers: n, texts, rows } = batch;
		const who: (WhoIds | undefined)[] = [];
		const blobs: (Uint8Array | undefined)[] = [];
		const blob = (index: number) => {
			blobs[index] ??= addressBytes(texts[index] ?? "");
			return blobs[index];
		};
		let added = 0;
		for (let at = 0; at < rows * FIELD.stride; at += FIELD.stride) {
			const get = (field: number) => n[at + field] ?? 0;
			const flags = get(FIELD.flags);
			const last = get(FIELD.last);
			const id = get(FIELD.id);
			const whoIndex = get(FIELD.who);
			who[whoIndex] ??= this.#dimensions.who(batch.who[whoIndex]!, last);
			const { workload, process } = who[whoIndex];
			const steps = this.#dimensions.steps(batch, at, last);
			const row: Row = {
				id,
				cookie: get(FIELD.cookie),
				remoteText: texts[get(FIELD.remote)] ?? "",
				queryType: get(FIELD.queryType),
				kind: flags & FLAG.dns,
				name: this.#dimensions.name(texts[get(FIELD.name)] ?? "", id, last),
				workload,
				steps: steps.id,
				protocol: get(FIELD.protocol),
				port: get(FIELD.remotePort),
				remote: blob(get(FIELD.remote)),
				verdict: steps.verdict,
				times: get(FIELD.count),
				bytesOut: get(FIELD.bytesOut),
				bytesIn: get(FIELD.bytesIn),
				last,
			};
			const addresses = texts[get(FIELD.addresses)] ?? "";
			const changing: Changing = {
				open: (flags & FLAG.ended) === 0 ? 1 : 0,
				last,
				name: row.name,
				name_source: row.name === 0 ? NAME_SOURCE.none : sourceOf(flags),
				workload,
				process,
				steps: row.steps,
				verdict: row.verdict,
				local: blob(get(FIELD.local)),
				local_port: get(FIELD.localPort),
				bytes_out: row.bytesOut,
				bytes_in: row.bytesIn,
				packets_out: get(FIELD.packetsOut),
				packets_in: get(FIELD.packetsIn),
				rtt: get(FIELD.rtt),
				retransmits: get(FIELD.retransmits),
				end_how: get(FIELD.end),
				ech: (flags & FLAG.ech) === 0 ? 0 : 1,
				addresses: addresses === "" ? null : Buffer.from(addresses, "latin1"),
				request: texts[get(FIELD.request)] || null,
				requests: get(FIELD.requests),
				outcome: get(FIELD.outcome),
				times: row.times,
			};
			added += this.#put(row, changing);
		}
		return added;
	}

	/** Returns 1 if the row is new. */
	#put(row: Row, changing: Changing): number {
		let key = this.#keyOf(row);
		const fixed = [row.cookie, row.kind, row.protocol, row.remote, row.port, row.queryType] as const;
		const values = CHANGING.map((column) => changing[column]);
		for (;;) {
			if (this.#insert.run(key, ...fixed, ...values).changes === 1) {
				const segment = this.#segments.of(key);
				if (segment !== null) this.#addLate({ ...row, id: key }, segment);
				break;
			}
			const before = onlyRow<Before>(this.#before, key);
			if (isSame(before, row)) {
				this.#change(before, row, changing);
				if (key !== row.id) this.#aliases.set(aliasOf(row), key);
				return 0;
			}
			/* Another connection has this id, because the clock was set back: the next free id. */
			key++;
		}
		if (key !== row.id) this.#aliases.set(aliasOf(row), key);
		return 1;
	}

	/** The id of the connection's row: its own id, or that of the row that an earlier daemon left open. */
	#keyOf(row: Row): number {
		if (this.#aliases.size > 0) {
			const alias = this.#aliases.get(aliasOf(row));
			if (alias !== undefined) return alias;
		}
		if (this.#carried.size === 0 || row.kind !== 0) return row.id;
		const key = identity(row.cookie, 0, row.protocol, row.port, row.remoteText);
		const carried = this.#carried.get(key);
		if (carried === undefined || carried > row.id) return row.id;
		this.#carried.delete(key);
		return carried;
	}

	#change(before: Before, row: Row, changing: Changing): void {
		const kept: Partial<Changing> = {};
		/* A daemon that started in the middle of a connection knows less: the known values stay. */
		if (row.name === 0 && before.name !== 0) {
			kept.name = before.name;
			kept.name_source = before.name_source;
		}
		if (row.steps === 0 && before.steps !== 0) {
			kept.steps = before.steps;
			kept.verdict = before.verdict;
		}
		if (changing.process === 0 && before.process !== 0) {
			kept.workload = before.workload;
			kept.process = before.process;
		}
		const values = { ...changing, ...kept };
		this.#update.run(...CHANGING.map((column) => values[column]), before.id);
		const segment = this.#segments.of(before.id);
		if (segment === null) return;
		const { name, workload, steps, verdict } = values;
		const is: Summed = { ...row, id: before.id, name, workload, steps, verdict };
		const was: Summed = {
			...is,
			name: before.name,
			workload: before.workload,
			steps: before.steps,
			verdict: before.verdict,
			times: before.times,
			bytesOut: before.bytes_out,
			bytesIn: before.bytes_in,
			last: before.last,
		};
		const partsOf = (rollup: number) => this.#segments.partsOf(segment, rollup);
		this.#sums.add(was, -1, partsOf);
		this.#sums.add(is, 1, partsOf);
		for (const column of ENTRIES) {
			if (column === "remote" || was[column] === is[column]) continue;
			this.#entries[column].remove.run(segment.id, was[column], was.id);
			if (column !== "name" || is.name !== 0) this.#entries[column].add.run(segment.id, is[column], is.id);
		}
	}

	/** Adds a row to a segment that is sealed already. */
	#addLate(row: Summed, segment: Part): void {
		this.#sums.add(row, 1, (rollup) => this.#segments.partsOf(segment, rollup));
		for (const column of ENTRIES)
			if (column !== "name" || row.name !== 0) this.#entries[column].add.run(segment.id, row[column], row.id);
	}
}

const NAME_SOURCE = {
	none: NAME_SOURCES.indexOf(null),
	sni: NAME_SOURCES.indexOf("sni"),
	dns: NAME_SOURCES.indexOf("dns"),
	http: NAME_SOURCES.indexOf("http"),
} as const;

function sourceOf(flags: number): number {
	if ((flags & FLAG.sni) !== 0) return NAME_SOURCE.sni;
	return (flags & FLAG.http) !== 0 ? NAME_SOURCE.http : NAME_SOURCE.dns;
}

interface EntryStatements {
	readonly add: StatementSync;
	readonly remove: StatementSync;
}

interface Row extends Summed {
	readonly cookie: number;
	/** Packed (../base/address.ts). */
	readonly remoteText: string;
	readonly queryType: number;
}

interface Before {
	readonly id: number;
	readonly cookie: number;
	readonly kind: number;
	readonly name: number;
	readonly name_source: number;
	readonly workload: number;
	readonly process: number;
	readonly steps: number;
	readonly verdict: number;
	readonly times: number;
	readonly protocol: number;
	readonly remote: Uint8Array;
	readonly port: number;
	readonly bytes_out: number;
	readonly bytes_in: number;
	readonly last: number;
}

/** Columns of table connection: those that never change, in the order of `fixed` in #put, and the others. */
const FIXED = ["id", "cookie", "kind", "protocol", "remote", "port", "query_type"] as const;
const CHANGING = [
	...(["open", "last", "name", "name_source", "workload", "process", "steps", "verdict"] as const),
	...(["local", "local_port", "bytes_out", "bytes_in", "packets_out", "packets_in", "rtt", "retransmits"] as const),
	...(["end_how", "ech", "addresses", "request", "requests", "outcome", "times"] as const),
] as const;

/** Values by column. Texts and blobs apart, all are numbers. */
type Changing = {
	-readonly [C in Exclude<(typeof CHANGING)[number], "local" | "addresses" | "request">]: number;
} & { local: Uint8Array; addresses: Uint8Array | null; request: string | null };

const ALIASES = 65_536;
const BEFORE =
	"SELECT id, cookie, kind, name, name_source, workload, process, steps, verdict, times, protocol, remote, port, bytes_out, " +
	"bytes_in, last FROM connection WHERE id = ?";
/* The index is partial: SQLite takes it only if its own condition, open > 0, stands in the statement. 2: left open by an earlier daemon. */
const CARRIED =
	"SELECT id, cookie, kind, protocol, remote, port FROM connection INDEXED BY connection_open WHERE open > 0 AND open = 2";

function isSame(before: Before, row: Row): boolean {
	return (
		before.cookie === row.cookie &&
		before.kind === row.kind &&
		before.protocol === row.protocol &&
		before.port === row.port &&
		addressOfBytes(before.remote) === row.remoteText
	);
}

function aliasOf({ id, cookie, kind, protocol, port, remoteText }: Row): string {
	return `${id} ${identity(cookie, kind, protocol, port, remoteText)}`;
}

function identity(cookie: number, kind: number, protocol: number, port: number, remote: string): string {
	return `${cookie} ${kind} ${protocol} ${port} ${remote}`;
}
