/** Names seen, their addresses, and who asked. */
import type { DatabaseSync } from "node:sqlite";
import { addressText } from "../base/address.ts";
import { printable } from "../base/text.ts";
import type { NameRecord, NameSummary } from "../records/contract.ts";
import { namePattern } from "../records/patterns.ts";
import { packed } from "./connection-writer.ts";
import { TOUCH } from "./dimensions.ts";
import { iso, textOrNull } from "./row-view.ts";
import { readSealed } from "./segments.ts";

export interface NamesOptions {
	/** Lower case; null: all. */
	readonly pattern: string | null;
	/** µs */
	readonly since: number | null;
	readonly limit: number;
	/** The name at which the page before ended. */
	readonly after: string;
}

export interface NamesFound {
	readonly rows: readonly NameSummary[];
	readonly next: string | null;
}

export function listNames(database: DatabaseSync, { pattern, since, limit, after }: NamesOptions): NamesFound {
	const matches = pattern === null || pattern === "*" || pattern === "**" ? () => true : namePattern(pattern).matches;
	const all = database.prepare("SELECT id, text, first, last FROM name WHERE text > ? AND last >= ? ORDER BY text");
	const sums = sumsOfName(database);
	const answers = database.prepare("SELECT address FROM answer WHERE name = ? ORDER BY last DESC LIMIT 16");
	const rows: NameSummary[] = [];
	let end = "";
	for (const name of all.iterate(after, since === null ? 0 : since - TOUCH) as Iterable<Name>) {
		if (!matches(name.text)) continue;
		const summary = head(name, sums(name.id));
		if (since !== null && Date.parse(summary.last) * 1000 < since) continue;
		if (rows.length === limit) return { rows, next: end };
		end = name.text;
		const addresses = (answers.all(name.id) as unknown as Answer[]).map(({ address }) => addressText(packed(address)));
		rows.push({ ...summary, addresses });
	}
	return { rows, next: null };
}

export function readName(database: DatabaseSync, text: string): NameRecord | null {
	const found = database.prepare("SELECT id, text, first, last FROM name WHERE text = ?").get(text);
	if (found === undefined) return null;
	const name = found as unknown as Name;
	const answers = database
		.prepare("SELECT address, ttl, trusted, first, last FROM answer WHERE name = ? ORDER BY last DESC LIMIT 1000")
		.all(name.id) as unknown as Answer[];
	const sums = sumsOfName(database)(name.id);
	return {
		...head(name, sums),
		addresses: answers.map(({ address, ttl, trusted, first, last }) => ({
			address: addressText(packed(address)),
			ttl,
			first: iso(first),
			last: iso(last),
			trusted: trusted === 1,
		})),
		askedBy: (database.prepare(ASKED_BY).all(name.id, readSealed(database)) as unknown as Asker[]).map((row) => ({
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

interface Asker {
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

/* A look-up for each part and kind: CROSS JOIN keeps SQLite from reading the rollup first. */
const OF_NAME =
	"FROM (SELECT level, part FROM temp.parts) p CROSS JOIN (SELECT 0 AS kind UNION ALL SELECT 1) k CROSS JOIN %s t " +
	"ON t.level = p.level AND t.part = p.part AND t.kind = k.kind AND t.name = ?1";
const SUMS = "sum(n) AS n, sum(denied) AS denied, sum(would) AS would, min(first) AS first, max(last) AS last";
const ROWS =
	"SELECT kind, %s, count(*) AS n, sum(verdict = 2) AS denied, sum(verdict = 3) AS would, min(id) AS first, max(last) AS last " +
	"FROM connection WHERE id >= ?2";
export const NAME_SUMS =
	`SELECT kind, ${SUMS} FROM (SELECT t.kind, t.n, t.denied, t.would, t.first, t.last ${OF_NAME.replace("%s", "top_name")} ` +
	"UNION ALL SELECT kind, n, denied, would, first, last FROM temp.fresh WHERE name = ?1) GROUP BY kind";
export const ASKED_BY =
	"SELECT w.comm, w.exe, w.unit, w.container, w.uid, w.user, a.* FROM (SELECT workload, sum(iif(kind = 1, n, 0)) AS questions, " +
	"sum(iif(kind = 0, n, 0)) AS connections, max(last) AS last FROM " +
	`(SELECT t.kind, t.workload, t.n, t.last ${OF_NAME.replace("%s", "top_all")} UNION ALL ` +
	`SELECT kind, workload, n, last FROM (${ROWS.replace("%s", "workload")} AND name = ?1 GROUP BY kind, workload)) ` +
	"GROUP BY workload ORDER BY last DESC LIMIT 100) a LEFT JOIN workload w ON w.id = a.workload ORDER BY a.last DESC";

/** What sums a name: spans, segments that are in none, and what is not sealed yet, once for all names. */
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
	return (id) => statement.all(id) as unknown as KindSum[];
}

function head({ text, ...seen }: Name, sums: readonly KindSum[]): Omit<NameSummary, "addresses"> {
	const of = (kind: number) => sums.find((sum) => sum.kind === kind)?.n ?? 0;
	/* A name that only answers gave has no sums. */
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
