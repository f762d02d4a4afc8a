import type { ConnectionView } from "../records/view.ts";
import { cutEnd, cutEndpoint, cutMiddle } from "./display-width.ts";
import type { Column, Table } from "./table.ts";
import { bytesText, clockText, timeText } from "./text.ts";

/** Columns in the order of their priority. */
const WORTH = ["destination", "verdict", "name", "process", "rule", "time", "unit"];

/** Records of past connections, found by their id. */
export function recordTable(): Table<ConnectionView> {
	const time: Column<ConnectionView> = {
		...TIME,
		text: ({ first }) => timeText(first),
		usual: 19,
		/* Without the year, or without the date. */
		shorten: (text, room) => text.slice(room < 14 ? 11 : 5).slice(0, room),
	};
	return { columns: [ID, time, ...COLUMNS], worth: [...WORTH, "id"], paintCell };
}

/** Connections as they happen. */
export function liveConnectionTable(): Table<ConnectionView> {
	return { columns: [TIME, ...COLUMNS, ID], worth: WORTH, paintCell };
}

/** "192.0.2.1:443", "[2001:db8::1]:443"; only the address if there is no port. */
export function endpointText(address: string, port: number): string {
	if (port === 0) return address;
	return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

const ID: Column<ConnectionView> = { key: "id", title: "ID", text: ({ id }) => String(id), least: 16, usual: 16 };

const TIME: Column<ConnectionView> = {
	...{ key: "time", title: "TIME", least: 8, usual: 8 },
	text: ({ first }) => clockText(new Date(first)),
};

const COLUMNS: readonly Column<ConnectionView>[] = [
	{
		key: "process",
		title: "PROCESS",
		text: ({ process }) => (process === null ? "(kernel)" : `${process.comm}[${process.pid}]`),
		...{ least: 7, usual: 16, most: 24 },
		shorten: (text, room) => cutMiddle(text.replace(/\[\d+\]$/, ""), room),
	},
	{
		key: "unit",
		title: "UNIT/CONTAINER",
		text: ({ unit, container }) => container ?? unit ?? "-",
		...{ least: 13, usual: 15, most: 30 },
	},
	{
		key: "destination",
		title: "DESTINATION",
		text: ({ protocol, remote, remotePort }) => `${protocol} ${endpointText(remote, remotePort)}`,
		...{ least: 19, usual: 22, most: 40 },
		shorten: cutEndpoint,
	},
	{ key: "name", title: "NAME", text: nameText, least: 14, usual: 28, most: 60, shorten: shortenName },
	{ key: "verdict", title: "VERDICT", text: verdictText, least: 10, usual: 10 },
	{ key: "rule", title: "RULE", text: ruleText, least: 12, usual: 18, most: 40, shorten: shortenRule },
	{ key: "kind", title: "KIND", text: ({ kind }) => kind, least: 10, usual: 10 },
	{ key: "outcome", title: "OUTCOME", text: ({ query }) => query?.outcome ?? "-", least: 9, usual: 9 },
	{ key: "protocol", title: "PROTOCOL", text: ({ protocol }) => protocol, least: 8, usual: 8 },
	{
		key: "address",
		title: "ADDRESS",
		text: ({ remote }) => remote,
		least: 15,
		usual: 25,
		most: 39,
		shorten: cutMiddle,
	},
	{ key: "port", title: "PORT", text: ({ remotePort }) => String(remotePort), least: 5, usual: 5, right: true },
	{
		key: "local",
		title: "LOCAL",
		text: ({ local, localPort }) => (local === null ? "-" : endpointText(local, localPort ?? 0)),
		...{ least: 15, usual: 21, most: 47 },
		shorten: cutEndpoint,
	},
	{ key: "user", title: "USER", text: ({ process }) => userText(process), least: 6, usual: 10, most: 20 },
	{
		key: "exe",
		title: "EXE",
		text: ({ process }) => process?.exe ?? "-",
		least: 10,
		usual: 20,
		most: 40,
		shorten: cutMiddle,
	},
	{ key: "container", title: "CONTAINER", text: ({ container }) => container ?? "-", least: 9, usual: 12, most: 64 },
	{
		key: "cgroup",
		title: "CGROUP",
		text: ({ cgroup }) => cgroup ?? "-",
		least: 10,
		usual: 20,
		most: 60,
		shorten: cutMiddle,
	},
	{ key: "out", title: "OUT", text: ({ bytesOut }) => bytesText(bytesOut), least: 7, usual: 7, right: true },
	{ key: "in", title: "IN", text: ({ bytesIn }) => bytesText(bytesIn), least: 7, usual: 7, right: true },
	{
		key: "duration",
		title: "DURATION",
		text: ({ durationMs }) => `${Math.round(durationMs)} ms`,
		least: 8,
		usual: 10,
		right: true,
	},
	{ key: "count", title: "COUNT", text: ({ count }) => String(count), least: 6, usual: 6, right: true },
	{ key: "end", title: "END", text: ({ open, end }) => (open ? "open" : (end ?? "-")), least: 6, usual: 10 },
];

function userText(process: ConnectionView["process"]): string {
	return process === null ? "-" : (process.user ?? String(process.uid));
}

function nameText({ kind, name, nameSource, encryptedDns, query }: ConnectionView): string {
	if (kind === "dns") return name === null ? "-" : `${name} (${query?.type ?? "?"}?)`;
	const marks = [nameSource, encryptedDns].filter((mark) => mark !== null).join(", ");
	return marks === "" ? (name ?? "-") : `${name ?? "-"} (${marks})`;
}

/* The mark of a DNS question stays: without it the row would read as a connection. */
function shortenName(text: string, room: number): string {
	const [, name = text, mark = ""] = /^(.*?)( \([^)]*\))$/.exec(text) ?? [];
	if (mark.endsWith("?)") && room > mark.length + 3) return `${cutMiddle(name, room - mark.length)}${mark}`;
	return cutMiddle(name, room);
}

/* "deny x12", "deny x1.4M" */
function verdictText({ verdict, count }: ConnectionView): string {
	const text = verdict.replace("_", " ");
	return count > 1 ? `${text} x${SHORT.format(count)}` : text;
}

const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

function ruleText({ group, rule, phase, reason, alerts }: ConnectionView): string {
	const decided = rule === null ? (reason === null ? "-" : `${phase}: ${reason}`) : `${group}/${rule}`;
	return alerts.length === 0 ? decided : `${decided} !${alerts.map((alert) => alert.rule).join(" !")}`;
}

/* "agent…el-api" keeps the end of the rule's name, "connect: de…" the phase. */
function shortenRule(text: string, room: number): string {
	return text.includes(": ") ? cutEnd(text, room) : cutMiddle(text, room);
}

function paintCell({ verdict, kind }: ConnectionView, key: string, text: string): string {
	if (key === "verdict") {
		const code = verdict === "deny" ? "31;1" : verdict === "would_deny" ? "33" : "32";
		return `\x1b[${code}m${text}\x1b[0m`;
	}
	return kind === "dns" || key === "time" ? `\x1b[2m${text}\x1b[0m` : text;
}
