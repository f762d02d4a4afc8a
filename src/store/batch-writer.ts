/** What a batch becomes in the file: one transaction. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { AnswerRecord } from "../records/contract.ts";
import { type Batch, F } from "./batch.ts";
import { addressBlob, ConnectionWriter } from "./connection-writer.ts";
import { rollback } from "./database.ts";
import { Dimensions } from "./dimensions.ts";
import { Segments } from "./segments.ts";

export class Records {
	/** Connections and questions in the file. */
	rows: number;
	/** The largest id that was written. */
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
		/* By its time: one that is sent again is the same. */
		this.#policyChange = database.prepare("INSERT INTO policy_change VALUES (?, ?) ON CONFLICT DO NOTHING");
		this.#start = database.prepare("INSERT INTO daemon_start VALUES (?, ?) ON CONFLICT DO NOTHING");
		this.#setRows = database.prepare("UPDATE meta SET value = ? WHERE key = 'rows'");
		this.newest =
			(database.prepare("SELECT max(id) AS newest FROM connection").get() as { newest: number | null }).newest ?? 0;
		this.rows = (database.prepare("SELECT value FROM meta WHERE key = 'rows'").get() as { value: number }).value;
	}

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
			for (let at = 0; at < batch.numbers.length; at += F.stride)
				this.newest = Math.max(this.newest, batch.numbers[at] ?? 0);
		} catch (error) {
			rollback(this.#database);
			this.#dimensions.forget();
			throw error;
		}
	}

	/** Within a transaction; `rows` itself is changed when that is committed. */
	setRows(rows: number): void {
		this.#setRows.run(rows);
	}

	/** After entries of the dimensions were deleted. */
	forget(): void {
		this.#dimensions.forget();
	}

	#writeAnswer({ name, address, ttl, time, trusted }: AnswerRecord): void {
		const at = Math.floor(time * 1000);
		this.#answer.run(this.#dimensions.name(name, at, at), addressBlob(address), ttl, trusted ? 1 : 0, at, at);
	}
}

/* A name may have any number of addresses over a month, one row each; the last answer's TTL stands. */
const ANSWER =
	"INSERT INTO answer (name, address, ttl, trusted, first, last) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET " +
	"ttl = iif(excluded.last >= last, excluded.ttl, ttl), trusted = max(trusted, excluded.trusted), " +
	"first = min(first, excluded.first), last = max(last, excluded.last)";
