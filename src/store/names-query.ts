/** Names seen, with their addresses and clients. */
import type { DatabaseSync } from "node:sqlite";
import { addressOfBytes, addressText } from "../base/address.ts";
import { printable } from "../base/text.ts";
import { MOST_CLIENTS, type NameRecord, type NameSummary, SUMMARY_ADDRESSES } from "../records/contract.ts";
import { type Term, testOn } from "../records/filter.ts";
import { TOUCH } from "./dimensions.ts";
import { going } from "./interrupt.ts";
import { iso, textOrNull } from "./row-view.ts";
import { readSealed } from "./segments.ts";
import { allRows, eachRow, firstRow } from "./typed-rows.ts";

export interface NamesOptions {
	/** Terms of the word "name". */
	readonly terms: readonly Term[];
	/** [µs] Seen at or after it; null: no bound. */
	readonly since: number | null;
	readonly limit: number;
	/** The last name of the previous page. */
	readonly after: string;
}

export interface NamesFound {
	readonly rows: readonly NameSummary[];
	readonly next: string | null;
}

/** A page of names in the order of the alphabet. */
export function listNames(database: DatabaseSync, { terms, since, limit, after }: NamesOptions): NamesFound {
	const tests = terms.map((term) => ({ negated: term.negated, matches: testOn("name", term) }));
	const all = database.prepare(
		`SELECT id, text, first, last FROM name WHERE text > ? AND last >= ? AND ${going("id")} ORDER BY text`,
	);
	const sums = sumsOfName(database);
	const answers = database.prepare("SELECT address FROM answer WHERE name = ? ORDER BY last DESC LIMIT ?");
	const rows: NameSummary[] = [];
	let end = "";
	for (const name of eachRow<Name>(all, after, since === null ? 0 : since - TOUCH)) {
		if (tests.some(({ negated, matches }) => matches?.({ name: name.text }) === negated)) continue;
		const summary = head(name, sums(name.id));
		if (since !== null && Date.parse(summary.last) * 1000 < since) continue;
		if (rows.length === limit) return { rows, next: end };
		end = name.text;
		const addresses = allRows<Answer>(answers, name.id, SUMMARY_ADDRESSES);
		rows.push({ ...summary, addresses: addresses.map(({ address }) => addressText(addressOfBytes(address))) });
	}
	return { rows, next: null };
}

/** One name by its exact text; null: not seen. */
export function readName(database: DatabaseSync, text: string): NameRecord | null {
	const name = firstRow<Name>(database.prepare("SELECT id, text, first, last FROM name WHERE text = ?"), text);
	if (name === undefined) return null;
	const answers = allRows<Answer>(
		database.prepare(
			"SELECT address, ttl, trusted, first, last FROM answer WHERE name = ? ORDER BY last DESC LIMIT 1000",
		),
		name.id,
	);
	const sums = sumsOfName(database)(name.id);
	return {
		...head(name, sums),
		addresses: answers.map(({ address, ttl, trusted, first, last }) => ({
			address: addressText(addressOfBytes(address)),
			ttl,
			first: iso(first),
			last: iso(last),
			trusted: trusted === 1,
		})),
		askedBy: allRows<Client>(database.prepare(ASKED_BY), name.id, readSealed(database), MOST_CLIENTS).map((row) => ({
			process: printable(row.comm ?? ""),
			exe: textOrNull(row.exe),
			unit: textOrNull(row.unit),
			container: textOrNull(row.container),
			uid: row.uid ?? 0,
			user: textOrNull(row.user),
			questions: row.questions,
			connections: row.connections,
			last: iso(row.last),
		})),
	};
}

interface Name {
	readonly id: number;
	readonly text: string;
	readonly first: number;
	readonly last: number;
}

interface Answer {
	readonly address: Uint8Array;
	readonly ttl: number;
	readonly trusted: number;
	readonly first: number;
	readonly last: number;
}

interface Client {
	readonly comm: string | null;
	readonly exe: string | null;
	readonly unit: string | null;
	readonly container: string | null;
	readonly uid: number | null;
	readonly user: string | null;
	readonly questions: number;
	readonly connections: number;
	readonly last: number;
}

interface KindSum {
	readonly kind: number;
	readonly n: number;
	readonly denied: number;
	readonly would: number;
	readonly first: number;
	readonly last: number;
}

/* One look-up for each part and kind: CROSS JOIN keeps SQLite from reading the rollup first. */
const OF_NAME =
	"FROM (SELECT level, part FROM temp.parts) p CROSS JOIN (SELECT 0 AS kind UNION ALL SELECT 1) k CROSS JOIN %s t " +
	"ON t.level = p.level AND t.part = p.part AND t.kind = k.kind AND t.name = ?1";
const SUMS = "sum(n) AS n, sum(denied) AS denied, sum(would) AS would, min(first) AS first, max(last) AS last";
const ROWS =
	"SELECT kind, %s, sum(times) AS n, sum((verdict = 2) * times) AS denied, sum((verdict = 3) * times) AS would, min(id) AS first, max(last) AS last " +
	`FROM connection WHERE id >= ?2 AND ${going("id")}`;
export const NAME_SUMS =
	`SELECT kind, ${SUMS} FROM (SELECT t.kind, t.n, t.denied, t.would, t.first, t.last ${OF_NAME.replace("%s", "top_name")} ` +
	"UNION ALL SELECT kind, n, denied, would, first, last FROM temp.fresh WHERE name = ?1) GROUP BY kind";
export const ASKED_BY =
	"SELECT w.comm, w.exe, w.unit, w.container, w.uid, w.user, a.* FROM (SELECT workload, sum(iif(kind = 1, n, 0)) AS questions, " +
	"sum(iif(kind = 0, n, 0)) AS connections, max(last) AS last FROM " +
	`(SELECT t.kind, t.workload, t.n, t.last ${OF_NAME.replace("%s", "top_all")} UNION ALL ` +
	`SELECT kind, workload, n, last FROM (${ROWS.replace("%s", "workload")} AND name = ?1 GROUP BY kind, workload)) ` +
	"GROUP BY workload ORDER BY last DESC LIMIT ?3) a LEFT JOIN workload w ON w.id = a.workload ORDER BY a.last DESC";

/** Prepares the sources of a name's sums, once for all names: spans, segments outside of any span, and the rows that are not sealed. */
export function prepareParts(database: DatabaseSync): number {
	const sealed = readSealed(database);
	database.exec(
		"CREATE TEMP TABLE IF NOT EXISTS parts (level INTEGER, part INTEGER); DELETE FROM temp.parts; " +
			"CREATE TEMP TABLE IF NOT EXISTS fresh (name INTEGER, kind INTEGER, n INTEGER, denied INTEGER, would INTEGER, " +
			"first INTEGER, last INTEGER, PRIMARY KEY (name, kind)) WITHOUT ROWID; DELETE FROM temp.fresh",
	);
	database.exec(
		"INSERT INTO temp.parts SELECT 0, id FROM segment WHERE span = 0 UNION ALL SELECT level, id FROM span WHERE span = 0",
	);
	database
		.prepare(
			"INSERT INTO temp.fresh SELECT name, kind, n, denied, would, first, last FROM " +
				`(${ROWS.replace("%s", "name").replace("?2", "?1")} GROUP BY name, kind)`,
		)
		.run(sealed);
	return sealed;
}

function sumsOfName(database: DatabaseSync): (id: number) => readonly KindSum[] {
	prepareParts(database);
	const statement = database.prepare(NAME_SUMS);
	return (id) => allRows<KindSum>(statement, id);
}

function head({ text, ...seen }: Name, sums: readonly KindSum[]): Omit<NameSummary, "addresses"> {
	const of = (kind: number) => sums.find((sum) => sum.kind === kind)?.n ?? 0;
	/* A name that was only seen in DNS answers has no sums. */
	const known = sums.length > 0 ? sums : [seen];
	return {
		name: printable(text),
		first: iso(Math.min(...known.map(({ first }) => first))),
		last: iso(Math.max(...known.map(({ last }) => last))),
		questions: of(1),
		connections: of(0),
		denied: sums.reduce((total, { denied }) => total + denied, 0),
		wouldDeny: sums.reduce((total, { would }) => total + would, 0),
	};
}
