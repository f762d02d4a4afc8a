/** Which records give way when the file is full. docs/decisions/0014-shares.md has the reasons. */
import type { Part } from "./spans.ts";

/** Rows of a segment by source. */
export interface Holding {
	readonly part: Part;
	readonly rows: ReadonlyMap<string, number>;
}

export interface Victim {
	readonly source: string;
	readonly part: Part;
	/** The source has far more rows here than at other times: the first of each kind can stay. */
	readonly flood: boolean;
}

/**
 * The source with the most rows gives way: where its rows are densest, if they are far denser than usual, else the oldest. So a flood
 * removes neither rows of other sources nor the rows that its own source had before. Null: there are no rows. `holdings`: in the order of
 * time.
 */
export function victimOf(holdings: readonly Holding[]): Victim | null {
	const totals = new Map<string, number>();
	for (const { rows } of holdings)
		for (const [source, count] of rows) totals.set(source, (totals.get(source) ?? 0) + count);
	let source: string | null = null;
	let most = 0;
	for (const [each, total] of totals) if (total > most) [source, most] = [each, total];
	if (source === null) return null;
	const own = holdings.filter(({ rows }) => (rows.get(source) ?? 0) > 0);
	const [oldest] = own;
	const newest = own.at(-1);
	if (oldest === undefined || newest === undefined) return null;
	const usual = most / durationOf(oldest.part.low, newest.part.high);
	let densest = oldest;
	let highest = 0;
	for (const each of own) {
		const density = (each.rows.get(source) ?? 0) / durationOf(each.part.low, each.part.high);
		if (density > highest) [densest, highest] = [each, density];
	}
	const flood = highest > FLOOD * usual;
	return { source, part: (flood ? densest : oldest).part, flood };
}

/* Times the mean density of a source. */
const FLOOD = 4;
/* [µs] Shorter segments count as this long. */
const LEAST = 1_000_000;

function durationOf(low: number, high: number): number {
	return Math.max(LEAST, high - low);
}

/** SQL of the source of a row of table workload. A user can make cgroups below a unit, and no units. */
export const SOURCE = "coalesce(nullif(container, ''), nullif(unit, ''), nullif(cgroup, ''), 'user ' || uid)";
