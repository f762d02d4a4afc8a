import type { DatabaseSync, StatementSync } from "node:sqlite";
import { isMapped } from "../base/address.ts";
import { BoundedMap } from "../base/bounded.ts";
import { type Batch, F, FLAG } from "./batch.ts";
import type { Dimensions, WhoIds } from "./dimensions.ts";
import { LateSums, type Summed } from "./rollup.ts";
import { ENTRIES, type EntryColumn, type Segments } from "./segments.ts";
import type { Part } from "./spans.ts";

/** Rows of connections: each once, whoever sends it however often. */
export class ConnectionWriter {
	readonly #dimensions: Dimensions;
	readonly #segments: Segments;
	readonly #sums: LateSums;
	readonly #entries: Readonly<Record<EntryColumn, { readonly add: StatementSync; readonly remove: StatementSync }>>;
	readonly #insert: StatementSync;
	readonly #update: StatementSync;
	readonly #before: StatementSync;
	/** Rows that an earlier daemon left open, by socket and destination. */
	readonly #carried = new Map<string, number>();
	/** Connections that stand under another id in the file. */
	readonly #aliases = new BoundedMap<string, number>(ALIASES);

	constructor(database: DatabaseSync, dimensions: Dimensions, segments: Segments) {
		this.#dimensions = dimensions;
		this.#segments = segments;
		this.#sums = new LateSums(database);
		const entry = (column: EntryColumn) => ({
			add: database.prepare(`INSERT INTO by_${column} VALUES (?, ?, ?) ON CONFLICT DO NOTHING`),
			remove: database.prepare(`DELETE FROM by_${column} WHERE segment = ? AND ${column} = ? AND id = ?`),
		});
		this.#entries = Object.fromEntries(ENTRIES.map((column) => [column, entry(column)])) as never;
		const marks = COLUMNS.map(() => "?").join(", ");
		this.#insert = database.prepare(
			`INSERT INTO connection (${COLUMNS.join(", ")}) VALUES (${marks}) ON CONFLICT DO NOTHING`,
		);
		const changed = COLUMNS.slice(FIXED.length).map((column) => `${column} = ?`);
		this.#update = database.prepare(`UPDATE connection SET ${changed.join(", ")} WHERE id = ?`);
		this.#before = database.prepare(BEFORE);
		for (const row of database.prepare(CARRIED).iterate() as Iterable<Before>) {
			this.#carried.set(identity(row.cookie, row.kind, row.protocol, row.port, packed(row.remote)), row.id);
		}
	}

	/** Returns how many rows are new. */
	write(batch: Batch): number {
		const { numbers: n, texts, rows } = batch;
		const who: (WhoIds | undefined)[] = [];
		const blobs: (Uint8Array | undefined)[] = [];
		const blob = (index: number) => {
			blobs[index] ??= addressBlob(texts[index] ?? "");
			return blobs[index];
		};
		let added = 0;
		for (let at = 0; at < rows * F.stride; at += F.stride) {
			const get = (field: number) => n[at + field] ?? 0;
			const flags = get(F.flags);
			const last = get(F.last);
			const id = get(F.id);
			const whoIndex = get(F.who);
			who[whoIndex] ??= this.#dimensions.who(batch.who[whoIndex]!, last);
			const { workload, process } = who[whoIndex];
			const steps = this.#dimensions.steps(batch, at, last);
			const row: Row = {
				id,
				kind: flags & FLAG.dns,
				name: this.#dimensions.name(texts[get(F.name)] ?? "", id, last),
				workload,
				steps: steps.id,
				protocol: get(F.protocol),
				port: get(F.remotePort),
				remote: blob(get(F.remote)),
				verdict: steps.verdict,
				bytesOut: get(F.bytesOut),
				bytesIn: get(F.bytesIn),
				last,
			};
			const cookie = get(F.cookie);
			const addresses = texts[get(F.addresses)] ?? "";
			const isOpen = (flags & FLAG.ended) === 0 ? 1 : 0;
			const source = row.name === 0 ? 0 : (flags & FLAG.sni) !== 0 ? 1 : (flags & FLAG.http) !== 0 ? 3 : 2;
			const changing = [
				isOpen,
				last,
				row.name,
				source,
				workload,
				process,
				row.steps,
				row.verdict,
				blob(get(F.local)),
				get(F.localPort),
				row.bytesOut,
				row.bytesIn,
				get(F.packetsOut),
				get(F.packetsIn),
				get(F.rtt),
				get(F.retransmits),
				get(F.end),
				(flags & FLAG.ech) === 0 ? 0 : 1,
				addresses === "" ? null : Buffer.from(addresses, "latin1"),
				texts[get(F.request)] || null,
				get(F.requests),
			] as const;
			const rest = [row.kind, row.protocol, row.remote, row.port, get(F.queryType), ...changing] as const;
			added += this.#put(row, texts[get(F.remote)] ?? "", cookie, process, rest, changing);
		}
		return added;
	}

	/** Returns 1 if the row is new. */
	#put(
		row: Row,
		remote: string,
		cookie: number,
		process: number,
		rest: readonly Value[],
		changing: readonly Value[],
	): number {
		let key = this.#keyOf(row, remote, cookie);
		for (;;) {
			if (this.#insert.run(key, cookie, ...rest).changes === 1) {
				const segment = this.#segments.of(key);
				if (segment !== null) this.#addLate({ ...row, id: key }, segment);
				break;
			}
			const before = this.#before.get(key) as unknown as Before;
			if (isSame(before, row, remote, cookie)) {
				this.#change(before, row, process, changing);
				if (key !== row.id) this.#aliases.set(aliasOf(row, remote, cookie), key);
				return 0;
			}
			/* The clock was set back onto another's time: the next that is free. */
			key++;
		}
		if (key !== row.id) this.#aliases.set(aliasOf(row, remote, cookie), key);
		return 1;
	}

	/** Under which id it stands: its own, or that of the row that an earlier daemon left open. */
	#keyOf(row: Row, remote: string, cookie: number): number {
		if (this.#aliases.size > 0) {
			const alias = this.#aliases.get(aliasOf(row, remote, cookie));
			if (alias !== undefined) return alias;
		}
		if (this.#carried.size === 0 || row.kind !== 0) return row.id;
		const name = identity(cookie, 0, row.protocol, row.port, remote);
		const carried = this.#carried.get(name);
		if (carried === undefined || carried > row.id) return row.id;
		this.#carried.delete(name);
		return carried;
	}

	#change(before: Before, row: Row, process: number, changing: readonly Value[]): void {
		const values = [...changing];
		let { name, steps, verdict, workload } = row;
		/* A daemon that began in the middle knows less: what was known stays. */
		if (name === 0 && before.name !== 0) {
			name = before.name;
			values[CHANGING.name] = name;
			values[CHANGING.source] = before.name_source;
		}
		if (steps === 0 && before.steps !== 0) {
			({ steps, verdict } = before);
			values[CHANGING.steps] = steps;
			values[CHANGING.verdict] = verdict;
		}
		if (process === 0 && before.process !== 0) {
			workload = before.workload;
			values[CHANGING.workload] = workload;
			values[CHANGING.process] = before.process;
		}
		this.#update.run(...values, before.id);
		const segment = this.#segments.of(before.id);
		if (segment === null) return;
		const was = {
			...row,
			id: before.id,
			name: before.name,
			workload: before.workload,
			steps: before.steps,
			verdict: before.verdict,
			bytesOut: before.bytes_out,
			bytesIn: before.bytes_in,
			last: before.last,
		};
		const is = { ...row, id: before.id, name, workload, steps, verdict };
		const partsOf = (rollup: number) => this.#segments.partsOf(segment, rollup);
		this.#sums.add(was, -1, partsOf);
		this.#sums.add(is, 1, partsOf);
		for (const column of ENTRIES) {
			if (column === "remote" || was[column] === is[column]) continue;
			this.#entries[column].remove.run(segment.id, was[column], was.id);
			if (column !== "name" || is.name !== 0) this.#entries[column].add.run(segment.id, is[column], is.id);
		}
	}

	#addLate(row: Row, segment: Part): void {
		this.#sums.add(row, 1, (rollup) => this.#segments.partsOf(segment, rollup));
		for (const column of ENTRIES)
			if (column !== "name" || row.name !== 0) this.#entries[column].add.run(segment.id, row[column], row.id);
	}
}

/** An address in the file: 4 bytes or 16. */
export function addressBlob(address: string): Uint8Array {
	return Buffer.from(isMapped(address) ? address.slice(12) : address, "latin1");
}

export function packed(blob: Uint8Array): string {
	const text = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString("latin1");
	return blob.length === 4 ? `\0\0\0\0\0\0\0\0\0\0\xff\xff${text}` : text;
}

type Value = number | string | null | Uint8Array;
type Row = Summed;

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
	readonly protocol: number;
	readonly remote: Uint8Array;
	readonly port: number;
	readonly bytes_out: number;
	readonly bytes_in: number;
	readonly last: number;
}

/** What never changes, then what does. */
const FIXED = ["id", "cookie", "kind", "protocol", "remote", "port", "query_type"] as const;
const COLUMNS = [
	...FIXED,
	"open",
	"last",
	"name",
	"name_source",
	"workload",
	"process",
	"steps",
	"verdict",
	"local",
	"local_port",
	"bytes_out",
	"bytes_in",
	"packets_out",
	"packets_in",
	"rtt",
	"retransmits",
	"end_how",
	"ech",
	"addresses",
	"request",
	"requests",
] as const;
/** Indexes in what changes. */
const CHANGING = { name: 2, source: 3, workload: 4, process: 5, steps: 6, verdict: 7 } as const;
const ALIASES = 65_536;
const BEFORE =
	"SELECT id, cookie, kind, name, name_source, workload, process, steps, verdict, protocol, remote, port, bytes_out, bytes_in, last " +
	"FROM connection WHERE id = ?";
const CARRIED =
	"SELECT id, cookie, kind, protocol, remote, port FROM connection INDEXED BY connection_open WHERE open > 0 AND open = 2";

function isSame(before: Before, row: Row, remoteKey: string, cookie: number): boolean {
	const { kind, protocol, port, remote } = before;
	return (
		before.cookie === cookie &&
		kind === row.kind &&
		protocol === row.protocol &&
		port === row.port &&
		packed(remote) === remoteKey
	);
}

function aliasOf({ id, kind, protocol, port }: Row, remote: string, cookie: number): string {
	return `${id} ${identity(cookie, kind, protocol, port, remote)}`;
}

function identity(cookie: number, kind: number, protocol: number, port: number, remote: string): string {
	return `${cookie} ${kind} ${protocol} ${port} ${remote}`;
}
