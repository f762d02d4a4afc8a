import { addressMatcher } from "../base/address.ts";
import { type ConnectionFilter, FilterError } from "../records/filter.ts";

/** The filters as they stand in a query (filterParameters of schemas.ts). */
export type FilterQuery = Omit<ConnectionFilter, "since" | "until" | "port"> & {
	readonly since?: string;
	readonly until?: string;
	readonly port?: string;
};

/** Throws FilterError for what is not of its form. */
export function filterOf(query: FilterQuery, now = Date.now()): ConnectionFilter {
	const filter: Record<string, unknown> = {};
	for (const key of PLAIN) if (query[key] !== undefined) filter[key] = query[key];
	if (query.since !== undefined) filter["since"] = timeOf("since", query.since, now);
	if (query.until !== undefined) filter["until"] = timeOf("until", query.until, now);
	if (query.port !== undefined) filter["port"] = portOf(query.port);
	if (query.address !== undefined && addressMatcher(query.address) === null) {
		throw new FilterError("address", query.address, "an address or a prefix such as 10.0.0.0/8");
	}
	return filter;
}

/** A time (ISO 8601), seconds since the epoch, or an age: 30s, 15m or -15m, 2h, 1d. Returns ms since the epoch. */
export function timeOf(parameter: string, text: string, now: number): number {
	const age = /^-?(\d{1,9})(ms|s|m|h|d|w)$/.exec(text);
	if (age !== null) return now - Number(age[1]) * (UNITS[age[2] ?? ""] ?? 0);
	if (/^\d{1,12}(\.\d+)?$/.test(text)) return Number(text) * 1000;
	const time = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
	if (!Number.isNaN(time)) return time;
	const expected = "a time (2026-01-31T12:00:00Z), seconds since the epoch, or an age such as 15m";
	throw new FilterError(parameter, text, expected);
}

const UNITS: Readonly<Record<string, number>> = {
	ms: 1,
	s: 1_000,
	m: 60_000,
	h: 3_600_000,
	d: 86_400_000,
	w: 604_800_000,
};

const PLAIN = [
	"kind",
	"open",
	"verdict",
	"phase",
	"name",
	"address",
	"protocol",
	"process",
	"exe",
	"unit",
	"container",
	"user",
	"rule",
	"group",
] as const;

function portOf(text: string): number | { from: number; to: number } {
	const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
	const from = Number(match?.[1] ?? Number.NaN);
	const to = Number(match?.[2] ?? from);
	if (Number.isNaN(from) || to > 65_535 || from > to) {
		throw new FilterError("port", text, "a port, or a range such as 1024-65535");
	}
	return match?.[2] === undefined ? from : { from, to };
}
