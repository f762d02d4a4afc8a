import type { HistoryRecord } from "./contract.ts";
import type { DecisionView, HttpView, ProcessView } from "./view.ts";

/** The first line of RFC 4180, with its line end. */
export function csvHeader(): string {
	return `${NAMES.join(",")}\r\n`;
}

/** A line of RFC 4180. Texts of a record are printable (src/base/text.ts); `cell` makes them harmless in a spreadsheet. */
export function csvRow(record: HistoryRecord): string {
	return `${VALUES.map((value) => cell(value(record))).join(",")}\r\n`;
}

type Value = string | number | boolean | null | undefined;

/* A spreadsheet evaluates text that begins like a formula; an apostrophe in front prevents it (OWASP, "CSV Injection"). */
export function cell(value: Value): string {
	if (value === null || value === undefined) return "";
	if (typeof value !== "string") return String(value);
	const text = FORMULA.test(value) ? `'${value}` : value;
	return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const FORMULA = /^\s*[=+\-@|%\t\r\uff1d\uff0b\uff0d\uff20]/u;
const QUOTED = /[",;\s]/u;

type Columns<T> = Readonly<Record<string, (value: T) => Value>>;

/** The columns of each field of a record, in their order. A field that is missing here does not compile. */
const COLUMNS: { readonly [F in keyof HistoryRecord]: Columns<HistoryRecord> } = {
	id: { id: ({ id }) => id },
	kind: { kind: ({ kind }) => kind },
	first: { first: ({ first }) => first },
	last: { last: ({ last }) => last },
	durationMs: { durationMs: ({ durationMs }) => durationMs },
	process: columnsOf<ProcessView>(({ process }) => process, {
		comm: { process: ({ comm }) => comm },
		pid: { pid: ({ pid }) => pid },
		exe: { exe: ({ exe }) => exe },
		args: { args: ({ args }) => args.join(" ") },
		parentComm: { parent: ({ parentComm }) => parentComm },
		ppid: { ppid: ({ ppid }) => ppid },
		uid: { uid: ({ uid }) => uid },
		user: { user: ({ user }) => user },
	}),
	unit: { unit: ({ unit }) => unit },
	container: { container: ({ container }) => container },
	cgroup: { cgroup: ({ cgroup }) => cgroup },
	protocol: { protocol: ({ protocol }) => protocol },
	local: { local: ({ local }) => local },
	localPort: { localPort: ({ localPort }) => localPort },
	remote: { remote: ({ remote }) => remote },
	remotePort: { remotePort: ({ remotePort }) => remotePort },
	name: { name: ({ name }) => name },
	nameSource: { nameSource: ({ nameSource }) => nameSource },
	encryptedDns: { encryptedDns: ({ encryptedDns }) => encryptedDns },
	verdict: { verdict: ({ verdict }) => verdict },
	phase: { phase: ({ phase }) => phase },
	group: { group: ({ group }) => group },
	rule: { rule: ({ rule }) => rule },
	reason: { reason: ({ reason }) => reason },
	alerts: { alerts: ({ alerts }) => alerts.map(({ group, rule }) => `${group}/${rule}`).join(" ") },
	decisions: { decisions: ({ decisions }) => Object.entries(decisions).map(decisionText).join("; ") },
	count: { count: ({ count }) => count },
	bytesOut: { bytesOut: ({ bytesOut }) => bytesOut },
	bytesIn: { bytesIn: ({ bytesIn }) => bytesIn },
	packetsOut: { packetsOut: ({ packetsOut }) => packetsOut },
	packetsIn: { packetsIn: ({ packetsIn }) => packetsIn },
	open: { open: ({ open }) => open },
	end: { end: ({ end }) => end },
	query: columnsOf<NonNullable<HistoryRecord["query"]>>(({ query }) => query, {
		type: { queryType: ({ type }) => type },
		outcome: { queryOutcome: ({ outcome }) => outcome },
		addresses: { queryAddresses: ({ addresses }) => addresses.join(" ") },
	}),
	http: columnsOf<HttpView>(({ http }) => http, {
		method: { httpMethod: ({ method }) => method },
		host: { httpHost: ({ host }) => host },
		path: { httpPath: ({ path }) => path },
		status: { httpStatus: ({ status }) => status },
		requests: { httpRequests: ({ requests }) => requests },
	}),
	rttUs: { rttUs: ({ rttUs }) => rttUs },
	retransmits: { retransmits: ({ retransmits }) => retransmits },
	encryptedHello: { encryptedHello: ({ encryptedHello }) => encryptedHello },
};

const NAMES = Object.values(COLUMNS).flatMap((columns) => Object.keys(columns));
const VALUES = Object.values(COLUMNS).flatMap((columns) => Object.values(columns));

/** The columns of a nested object. They are empty where the record has none. */
function columnsOf<T extends object>(
	object: (record: HistoryRecord) => T | null,
	fields: { readonly [F in keyof T]-?: Columns<T> },
): Columns<HistoryRecord> {
	const columns = Object.values<Columns<T>>(fields).flatMap((each) => Object.entries(each));
	return Object.fromEntries(
		columns.map(([name, value]) => [
			name,
			(record: HistoryRecord) => {
				const inner = object(record);
				return inner === null ? null : value(inner);
			},
		]),
	);
}

/** "tls: deny by rule web/api (generation 3)" */
function decisionText([phase, { verdict, reason, group, rule, generation }]: [string, DecisionView]): string {
	const by = rule === null ? reason : `${reason} ${group}/${rule}`;
	return `${phase}: ${verdict} by ${by} (generation ${generation})`;
}
