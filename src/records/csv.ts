import type { HistoryRecord } from "./contract.ts";

/** RFC 4180. Texts of a record are printable already (src/base/text.ts); here they become harmless in a spreadsheet too. */
export function csvHeader(): string {
	return `${COLUMNS.map(([name]) => name).join(",")}\r\n`;
}

export function csvRow(record: HistoryRecord): string {
	return `${COLUMNS.map(([, value]) => cell(value(record))).join(",")}\r\n`;
}

type Value = string | number | boolean | null | undefined;

/* A spreadsheet computes what begins like a formula; an apostrophe in front makes it text (OWASP, "CSV Injection"). */
export function cell(value: Value): string {
	if (value === null || value === undefined) return "";
	if (typeof value !== "string") return String(value);
	const text = FORMULA.test(value) ? `'${value}` : value;
	return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const FORMULA = /^\s*[=+\-@|%\t\r\uff1d\uff0b\uff0d\uff20]/u;
const QUOTED = /[",;\s]/u;

const COLUMNS: readonly (readonly [name: string, value: (record: HistoryRecord) => Value])[] = [
	["id", ({ id }) => id],
	["kind", ({ kind }) => kind],
	["first", ({ first }) => first],
	["last", ({ last }) => last],
	["durationMs", ({ durationMs }) => durationMs],
	["process", ({ process }) => process?.comm],
	["pid", ({ process }) => process?.pid],
	["exe", ({ process }) => process?.exe],
	["args", ({ process }) => process?.args.join(" ")],
	["parent", ({ process }) => process?.parentComm],
	["uid", ({ process }) => process?.uid],
	["user", ({ process }) => process?.user],
	["unit", ({ unit }) => unit],
	["container", ({ container }) => container],
	["cgroup", ({ cgroup }) => cgroup],
	["protocol", ({ protocol }) => protocol],
	["local", ({ local }) => local],
	["localPort", ({ localPort }) => localPort],
	["remote", ({ remote }) => remote],
	["remotePort", ({ remotePort }) => remotePort],
	["name", ({ name }) => name],
	["nameSource", ({ nameSource }) => nameSource],
	["encryptedDns", ({ encryptedDns }) => encryptedDns],
	["verdict", ({ verdict }) => verdict],
	["phase", ({ phase }) => phase],
	["group", ({ group }) => group],
	["rule", ({ rule }) => rule],
	["reason", ({ reason }) => reason],
	["alerts", ({ alerts }) => alerts.map(({ group, rule }) => `${group}/${rule}`).join(" ")],
	["bytesOut", ({ bytesOut }) => bytesOut],
	["bytesIn", ({ bytesIn }) => bytesIn],
	["packetsOut", ({ packetsOut }) => packetsOut],
	["packetsIn", ({ packetsIn }) => packetsIn],
	["open", ({ open }) => open],
	["end", ({ end }) => end],
	["queryType", ({ query }) => query?.type],
	["queryAddresses", ({ query }) => query?.addresses.join(" ")],
];
