/** Writes batches: one transaction each. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { addressBytes } from "../base/address.ts";
import type { AnswerRecord } from "../records/contract.ts";
import { type Batch, FIELD } from "./batch.ts";
import { ConnectionWriter } from "./connection-writer.ts";
import { rollback } from "./database.ts";
import { Dimensions } from "./dimensions.ts";
import { Segments } from "./segments.ts";
import { onlyRow } from "./typed-rows.ts";

export class BatchWriter {
	/** Connections and DNS questions in the file. */
	rows: number;
	/** The largest id in the file. */
	newest = 0;
	readonly segments: Segments;
	readonly #database: DatabaseSync;
	readonly #dimensions: Dimensions;
	readonly #connections: ConnectionWriter;
	readonly #answer: StatementSync;
	readonly #policyChange: StatementSync;
	readonly #start: StatementSync;
	readonly #setRows: StatementSync;

	constructor(database: DatabaseSync, segments = new Segments(database)) {
		this.#database = database;
		this.#dimensions = new Dimensions(database);
		this.segments = segments;
		this.#connections = new ConnectionWriter(database, this.#dimensions, segments);
		this.#answer = database.prepare(ANSWER);
		/* The time is the key: a batch that is sent again adds nothing. */
		this.#policyChange = database.prepare("INSERT INTO policy_change VALUES (?, ?) ON CONFLICT DO NOTHING");
		this.#start = database.prepare("INSERT INTO daemon_start VALUES (?, ?) ON CONFLICT DO NOTHING");
		this.#setRows = database.prepare("UPDATE meta SET value = ? WHERE key = 'rows'");
		const newest = database.prepare("SELECT max(id) AS newest FROM connection");
		this.newest = onlyRow<{ readonly newest: number | null }>(newest).newest ?? 0;
		const rows = database.prepare("SELECT value FROM meta WHERE key = 'rows'");
		this.rows = onlyRow<{ readonly value: number }>(rows).value;
	}

	/** Throws SQLite's error after rolling back; the batch may be written again. */
	write(batch: Batch): void {
		this.#database.exec("BEGIN IMMEDIATE");
		let added = 0;
		try {
			added = this.#connections.write(batch);
			for (const answer of batch.answers) this.#writeAnswer(answer);
			for (const change of batch.policyChanges)
				this.#policyChange.run(Math.floor(change.time * 1000), JSON.stringify(change));
			for (const start of batch.starts) this.#start.run(Math.floor(start.time * 1000), JSON.stringify(start));
			if (added > 0) this.#setRows.run(this.rows + added);
			this.#database.exec("COMMIT");
			this.rows += added;
			for (let at = 0; at < batch.numbers.length; at += FIELD.stride)
				this.newest = Math.max(this.newest, batch.numbers[at] ?? 0);
		} catch (error) {
			rollback(this.#database);
			this.#dimensions.clearCache();
			throw error;
		}
	}

	/** Stores the number within the caller's transaction. The caller changes `rows` after the commit. */
	setRows(rows: number): void {
		this.#setRows.run(rows);
	}

	/** Call it after rows of the dimensions were deleted. */
	clearCache(): void {
		this.#dimensions.clearCache();
	}

	#writeAnswer({ name, address, ttl, time, trusted }: AnswerRecord): void {
		const at = Math.floor(time * 1000);
		this.#answer.run(this.#dimensions.name(name, at, at), addressBytes(address), ttl, trusted ? 1 : 0, at, at);
	}
}

/* One row for each address of a name, with the TTL of its last answer. */
const ANSWER =
	"INSERT INTO answer (name, address, ttl, trusted, first, last) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET " +
	"ttl = iif(excluded.last >= last, excluded.ttl, ttl), trusted = max(trusted, excluded.trusted), " +
	"first = min(first, excluded.first), last = max(last, excluded.last)";
