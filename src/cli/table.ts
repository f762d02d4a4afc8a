import { fit } from "../base/text.ts";
import type { ConnectionView } from "../records/view.ts";
import { harmless } from "./harmless.ts";
import { clockText, timeText } from "./words.ts";

export interface TableStyle {
	/** Columns; rows never wrap. */
	readonly width: number;
	readonly colours: boolean;
	/** The day too, not only the time. */
	readonly date: boolean;
	/** The id first, by which the whole record can be asked for. */
	readonly ids?: boolean;
}

export function tableHeader(style: TableStyle): string {
	const titles: Record<Column, string> = {
		id: "ID",
		time: "TIME",
		process: "PROCESS",
		place: "UNIT/CONTAINER",
		destination: "DESTINATION",
		name: "NAME",
		verdict: "VERDICT",
		rule: "RULE",
	};
	const line = layOut(style)
		.map(([column, width]) => fit(titles[column], width))
		.join(GAP)
		.trimEnd();
	return style.colours ? `\x1b[1m${line}\x1b[0m` : line;
}

export function tableRow(connection: ConnectionView, style: TableStyle): string {
	const cells = layOut(style).map(([column, width]) => {
		const text = fit(harmless(CELLS[column](connection, style)), width);
		return style.colours ? colour(column, connection, text) : text;
	});
	return cells.join(GAP).trimEnd();
}

type Column = "id" | "time" | "process" | "place" | "destination" | "name" | "verdict" | "rule";

const GAP = "  ";

/* What each column wants at least, and its share of what is left. Narrow terminals lose the place, then the rule. */
const COLUMNS: readonly (readonly [Column, least: number, share: number])[] = [
	["id", 16, 0],
	["time", 8, 0],
	["process", 16, 2],
	["place", 14, 2],
	["destination", 23, 2],
	["name", 20, 6],
	["verdict", 10, 0],
	["rule", 12, 3],
];

function layOut({ width, date, ids }: TableStyle): [Column, number][] {
	let columns = COLUMNS.filter(([column]) => column !== "id" || ids === true).map(
		([column, least, share]) => [column, column === "time" && date ? 19 : least, share] as const,
	);
	const needed = () => columns.reduce((sum, [, least]) => sum + least + GAP.length, -GAP.length);
	for (const dispensable of ["id", "place", "rule", "time"]) {
		if (needed() > width) columns = columns.filter(([column]) => column !== dispensable);
	}
	const spare = Math.max(0, width - needed());
	const shares = columns.reduce((sum, [, , share]) => sum + share, 0);
	return columns.map(([column, least, share]) => [column, least + Math.floor((spare * share) / shares)]);
}

const CELLS: Readonly<Record<Column, (connection: ConnectionView, style: TableStyle) => string>> = {
	id: ({ id }) => String(id),
	time: ({ first }, { date }) => (date ? timeText(first) : clockText(new Date(first))),
	process: ({ process }) => (process === null ? "(kernel)" : `${process.comm}[${process.pid}]`),
	place: ({ unit, container }) => container ?? unit ?? "-",
	destination: ({ protocol, remote, remotePort }) => {
		const host = remotePort !== 0 && remote.includes(":") ? `[${remote}]` : remote;
		return `${protocol} ${host}${remotePort === 0 ? "" : `:${remotePort}`}`;
	},
	name: ({ kind, name, nameSource, encryptedDns, query }) => {
		if (kind === "dns") return name === null ? "-" : `${name} (${query?.type ?? "?"}?)`;
		const marks = [nameSource, encryptedDns].filter((mark) => mark !== null).join(", ");
		return marks === "" ? (name ?? "-") : `${name ?? "-"} (${marks})`;
	},
	verdict: ({ verdict }) => (verdict === "would_deny" ? "would deny" : verdict),
	rule: ({ group, rule, phase, reason, alerts }) => {
		const decided = rule === null ? (reason === null ? "-" : `${phase}: ${reason}`) : `${group}/${rule}`;
		return alerts.length === 0 ? decided : `${decided} !${alerts.map((alert) => alert.rule).join(" !")}`;
	},
};

function colour(column: Column, { verdict, kind }: ConnectionView, text: string): string {
	if (column === "verdict") {
		const code = verdict === "deny" ? "31;1" : verdict === "would_deny" ? "33" : "32";
		return `\x1b[${code}m${text}\x1b[0m`;
	}
	return kind === "dns" || column === "time" ? `\x1b[2m${text}\x1b[0m` : text;
}
