/** Merges answers of the file and of memory. No record is in both. */
import {
	MOST_CLIENTS,
	type NameRecord,
	type NameSummary,
	type NamesPage,
	SUMMARY_ADDRESSES,
	type TopQuery,
	type TopRow,
} from "../records/contract.ts";
import { nameCursor, nameOfCursor } from "../store/cursors.ts";

/** One row for each key, the greatest first. */
export function mergeTops(
	a: readonly TopRow[],
	b: readonly TopRow[],
	sort: NonNullable<TopQuery["sort"]>,
): readonly TopRow[] {
	const value = (row: TopRow) => (sort === "last" ? Date.parse(row.last) : row[sort]);
	return by(
		[...a, ...b],
		({ key }) => JSON.stringify(Object.entries(key).sort(([x], [y]) => (x < y ? -1 : 1))),
		(one, other) => ({
			...one,
			...span(one, other),
			count: one.count + other.count,
			denied: one.denied + other.denied,
			wouldDeny: one.wouldDeny + other.wouldDeny,
			bytesOut: one.bytesOut + other.bytesOut,
			bytesIn: one.bytesIn + other.bytesIn,
		}),
	).sort((x, y) => value(y) - value(x) || y.count - x.count);
}

/** In alphabetical order. Names beyond the end of a page that has a next one are left to the next. */
export function mergeNames(a: NamesPage, b: NamesPage, limit: number): NamesPage {
	const ends = [a.next, b.next].filter((next) => next !== null).map(nameOfCursor);
	const rows = by([...a.rows, ...b.rows], ({ name }) => name, mergeSummaries)
		.filter(({ name }) => ends.every((end) => name <= end))
		.sort((x, y) => (x.name < y.name ? -1 : 1));
	const page = rows.slice(0, limit);
	const last = page.at(-1);
	const more = rows.length > limit || ends.length > 0;
	return { rows: page, next: more && last !== undefined ? nameCursor(last.name) : null };
}

/** Two records of the same name. */
export function mergeNameRecords(a: NameRecord, b: NameRecord): NameRecord {
	const later = <T extends { readonly last: string }>(x: T, y: T): T => (x.last < y.last ? y : x);
	return {
		...sums(a, b),
		addresses: by(
			[...a.addresses, ...b.addresses],
			({ address }) => address,
			(x, y) => ({ ...later(x, y), ...span(x, y) }),
		),
		askedBy: by(
			[...a.askedBy, ...b.askedBy],
			({ process, exe, unit, container, uid }) => JSON.stringify([process, exe, unit, container, uid]),
			(x, y) => ({
				...later(x, y),
				questions: x.questions + y.questions,
				connections: x.connections + y.connections,
			}),
		)
			.sort((x, y) => (x.last < y.last ? 1 : -1))
			.slice(0, MOST_CLIENTS),
	};
}

function mergeSummaries(a: NameSummary, b: NameSummary): NameSummary {
	const addresses = [...new Set([...b.addresses, ...a.addresses])].slice(0, SUMMARY_ADDRESSES);
	return { ...sums(a, b), addresses };
}

function sums(a: Omit<NameSummary, "addresses">, b: Omit<NameSummary, "addresses">): Omit<NameSummary, "addresses"> {
	return {
		name: a.name,
		...span(a, b),
		questions: a.questions + b.questions,
		connections: a.connections + b.connections,
		denied: a.denied + b.denied,
		wouldDeny: a.wouldDeny + b.wouldDeny,
	};
}

/* ISO 8601 times of one form sort as text. */
function span(a: { first: string; last: string }, b: { first: string; last: string }): { first: string; last: string } {
	return { first: a.first < b.first ? a.first : b.first, last: a.last > b.last ? a.last : b.last };
}

function by<T>(all: readonly T[], keyOf: (each: T) => string, merge: (a: T, b: T) => T): T[] {
	const merged = new Map<string, T>();
	for (const each of all) {
		const key = keyOf(each);
		const other = merged.get(key);
		merged.set(key, other === undefined ? each : merge(other, each));
	}
	return [...merged.values()];
}
