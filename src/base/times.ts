/** Times as people type them: an age, seconds since the epoch, or a date with or without a time and a zone. */

/** Accepted forms of a time, for the messages that refuse other texts. */
export const TIME_FORMS =
	"an age such as 15m, seconds since the epoch, or a time such as 2026-01-31T12:00:00Z (UTC if it has no zone)";

/**
 * Milliseconds since the epoch, or null for an invalid text. Without a zone a time is UTC (RFC 3339 requires the zone). A date
 * is its first moment.
 */
export function parseTime(text: string, now: number): number | null {
	const age = AGE.exec(text);
	if (age !== null) return now - Number(age[1]) * (UNITS.get(age[2] ?? "") ?? 0);
	if (SECONDS.test(text)) return Number(text) * 1000;
	return parseDate(text, (year, month, ...rest) => Date.UTC(year, month, ...rest));
}

/**
 * A time as it is sent from a person's terminal to the daemon: one without a zone is in the terminal's zone and becomes an instant
 * with `Z`. Ages, seconds and times with a zone stay as they are. Null for a text that is none of the forms.
 */
export function instantOf(text: string): string | null {
	if (AGE.test(text) || SECONDS.test(text)) return text;
	const time = parseDate(text, (year, month, ...rest) => new Date(year, month, ...rest).getTime());
	if (time === null) return null;
	return ZONE.test(text) ? text : new Date(time).toISOString();
}

/** The milliseconds of a duration such as 10m, or null for another text. */
export function durationOf(text: string): number | null {
	const match = DURATION.exec(text);
	return match === null ? null : Number(match[1]) * (UNITS.get(match[2] ?? "") ?? 0);
}

type Fields = [
	year: number,
	month: number,
	day: number,
	hours: number,
	minutes: number,
	seconds: number,
	milliseconds: number,
];

const AGE = /^-?(\d{1,9})(ms|s|m|h|d|w)$/;
const DURATION = /^(\d{1,9})(ms|s|m|h|d|w)$/;
const SECONDS = /^\d{1,12}(\.\d+)?$/;
const ZONE = /T.*(Z|[+-]\d\d:\d\d)$/i;
const DATE =
	/^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|[+-](?:0\d|1\d|2[0-3]):[0-5]\d)?)?$/i;

const UNITS: ReadonlyMap<string, number> = new Map(
	Object.entries<number>({
		ms: 1,
		s: 1_000,
		m: 60_000,
		h: 3_600_000,
		d: 86_400_000,
		w: 604_800_000,
	}),
);

function parseDate(text: string, unzoned: (...fields: Fields) => number): number | null {
	const match = DATE.exec(text);
	if (match === null) return null;
	const [, year, month, day, hours = "0", minutes = "0", seconds = "0", fraction = "", zone] = match;
	const fields: Fields = [
		Number(year),
		Number(month) - 1,
		Number(day),
		Number(hours),
		Number(minutes),
		Number(seconds),
		Number(fraction.slice(0, 3).padEnd(3, "0")),
	];
	/* Date rolls a field that is too large over into the next: 2026-02-30 would become March 2. */
	const same = new Date(Date.UTC(...fields));
	const parts = [
		...[same.getUTCFullYear(), same.getUTCMonth(), same.getUTCDate()],
		...[same.getUTCHours(), same.getUTCMinutes(), same.getUTCSeconds()],
	];
	if (parts.some((part, index) => part !== fields[index])) return null;
	if (zone === undefined) return unzoned(...fields);
	return same.getTime() - offsetOf(zone);
}

/** Milliseconds east of UTC. */
function offsetOf(zone: string): number {
	if (/^z$/i.test(zone)) return 0;
	const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
	return (zone.startsWith("-") ? -minutes : minutes) * 60_000;
}
