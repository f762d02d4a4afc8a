import { parseTime, TIME_FORMS } from "../base/times.ts";
import { type ConnectionFilter, parseTerms, type TermTexts } from "../records/filter.ts";
import type { ListWord, Negated } from "../records/filter-words.ts";
import { FilterError } from "../records/query-errors.ts";

/** The filters of a query, as filterParameters (schemas/parameters.ts) lets them pass. */
export type FilterQuery = Readonly<Partial<Record<ListWord | Negated<ListWord>, readonly string[]>>> & {
	readonly kind?: string;
	readonly open?: boolean;
	readonly since?: string;
	readonly until?: string;
};

/** Throws FilterError for a value that is not of its word's form. `now`: wall clock [ms]. */
export function filterOf(query: FilterQuery, now = Date.now()): ConnectionFilter {
	const { since, until, open, ...lists } = query;
	const texts: TermTexts = open === undefined ? lists : { ...lists, open: String(open) };
	return {
		...(since === undefined ? {} : { since: timeOf("since", since, now) }),
		...(until === undefined ? {} : { until: timeOf("until", until, now) }),
		terms: parseTerms(texts),
	};
}

/** [ms] since the epoch. Throws FilterError, with the parameter's name, for an invalid time (src/base/times.ts). */
export function timeOf(parameter: string, text: string, now: number): number {
	const time = parseTime(text, now);
	if (time === null) throw new FilterError(parameter, text, TIME_FORMS);
	return time;
}
