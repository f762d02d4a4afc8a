import { Option } from "commander";
import { SallyportError } from "../base/errors.ts";
import type { CliCommand } from "./cli-command.ts";
import type { Output } from "./deps.ts";
import { cutEnd, displayWidth, padEnd, padStart } from "./display-width.ts";
import { harmless } from "./text.ts";

/** A column. Widths are in terminal columns. */
export interface Column<Row> {
	/** Name of the column for --columns. */
	readonly key: string;
	/** If it has a slash, the part before it is the title of a narrow column. */
	readonly title: string;
	readonly text: (row: Row) => string;
	/** A narrower column would be useless: it is dropped instead. */
	readonly least: number;
	/** Enough for most rows. */
	readonly usual: number;
	/** A live table does not make it wider. Default: `usual`. */
	readonly most?: number;
	readonly right?: boolean;
	/** Shortens a text to `room` columns. Default: the end is cut. */
	readonly shorten?: (text: string, room: number) => string;
}

export interface Table<Row> {
	/** All columns. */
	readonly columns: readonly Column<Row>[];
	/** Keys of the columns that are shown by default, the most valuable first: the last one shrinks first, then is dropped. */
	readonly worth: readonly string[];
	/** Colours a cell or a line; `text` is already padded. */
	readonly paintCell?: (row: Row, key: string, text: string) => string;
	readonly paintLine?: (row: Row, text: string) => string;
}

/** The user's choice of columns; see `addTableOptions`. */
export interface TableOptions {
	readonly wide?: boolean;
	readonly columns?: string;
	readonly headers?: boolean;
}

/** Adds --wide, --columns and --no-headers. `keys` are the columns that the help lists. */
export function addTableOptions(command: CliCommand, keys: readonly string[]): CliCommand {
	return command
		.option("--wide", "do not fit the table to the width of the terminal")
		.addOption(
			new Option("--columns <list>", `show these columns, in this order: ${keys.join(", ")}`).conflicts("json"),
		)
		.option("--no-headers", "leave out the header line");
}

/** True if an option applies only to a table. Live commands then write a table to a pipe too, and not JSON. */
export function wantsTable({ wide, columns, headers }: TableOptions): boolean {
	return wide === true || columns !== undefined || headers === false;
}

/** The columns that a table has to fit. Nothing is cut in a pipe or a file. */
export function tableWidth(out: Output, { wide }: TableOptions): number {
	return out.terminal && wide !== true ? out.width() : Number.POSITIVE_INFINITY;
}

/** @throws SallyportError USAGE for an unknown column. A command calls it before it queries or starts anything. */
export function checkColumns<Row>(table: Table<Row>, { columns }: TableOptions): void {
	chosenColumns(table, columns);
}

export interface Layout<Row> {
	readonly table: Table<Row>;
	readonly cells: readonly { readonly column: Column<Row>; readonly width: number }[];
	/** False: cells that are too long stay whole. */
	readonly cut: boolean;
}

/**
 * Distributes `limit` terminal columns. Each column gets its least width, or the least valuable ones are dropped. The rest
 * goes to the columns in the order of their worth up to their usual width, then to all in proportion. `sample` are the rows whose texts decide the widths; null for a live table, whose
 * rows are not known yet.
 * @throws SallyportError USAGE for an unknown column.
 */
export function layOut<Row>(
	table: Table<Row>,
	options: TableOptions,
	limit: number,
	sample: readonly Row[] | null,
): Layout<Row> {
	const chosen = options.columns !== undefined;
	const rank = (key: string) => table.worth.indexOf(key) + 1 || Number.POSITIVE_INFINITY;
	let cells = chosenColumns(table, options.columns).map((column) => cellOf(column, sample, options.headers !== false));
	const total = () => cells.reduce((sum, { width }) => sum + width + GAP.length, -GAP.length);
	if (limit === Number.POSITIVE_INFINITY)
		return {
			table,
			cut: false,
			cells: cells.map((cell) => ({ ...cell, width: sample === null ? cell.usual : cell.most })),
		};
	const byWorth = () => [...cells].sort((a, b) => rank(a.column.key) - rank(b.column.key));
	while (!chosen && cells.length > 1 && total() > limit) {
		const last = byWorth().at(-1);
		cells = cells.filter((cell) => cell !== last);
	}
	for (const cell of byWorth().reverse()) cell.width -= Math.max(0, Math.min(cell.width - 1, total() - limit));
	for (const cell of byWorth()) cell.width += Math.max(0, Math.min(cell.usual - cell.width, limit - total()));
	for (let spare = limit - total(); spare > 0; spare--) {
		const narrowest = cells.reduce((a, b) => (b.width / b.most < a.width / a.most ? b : a));
		if (narrowest.width >= narrowest.most) break;
		narrowest.width++;
	}
	return { table, cells, cut: true };
}

export function headerLine<Row>({ cells, cut }: Layout<Row>, colours: boolean): string {
	const titles = cells.map(({ column, width }) => {
		const { title } = column;
		return { column, width, text: cut && title.length > width ? shortTitle(title) : title };
	});
	const line = titles.map(({ column, width, text }) => cellText({ ...column, shorten: cutEnd }, text, width, cut));
	const text = line.join(GAP).trimEnd();
	return colours ? `\x1b[1m${text}\x1b[0m` : text;
}

export function rowLine<Row>({ table, cells, cut }: Layout<Row>, row: Row, colours: boolean): string {
	const { paintCell, paintLine } = table;
	const texts = cells.map(({ column, width }, at) => {
		const text = cellText(column, harmless(column.text(row)), width, cut);
		const trimmed = at === cells.length - 1 ? text.trimEnd() : text;
		return colours && paintCell !== undefined ? paintCell(row, column.key, trimmed) : trimmed;
	});
	const line = texts.join(GAP).trimEnd();
	return colours && paintLine !== undefined ? paintLine(row, line) : line;
}

/** The whole table of rows that are all known, one text per line. */
export function tableLines<Row>(table: Table<Row>, options: TableOptions, out: Output, rows: readonly Row[]): string[] {
	const layout = layOut(table, options, tableWidth(out, options), rows);
	const header = options.headers === false ? [] : [headerLine(layout, out.colours)];
	return [...header, ...rows.map((row) => rowLine(layout, row, out.colours))];
}

/**
 * A table whose rows come one by one. It follows the width of the terminal. Returns a function that writes a row, with the
 * result of `Output.write`.
 */
export function liveTable<Row>(table: Table<Row>, options: TableOptions, out: Output): (row: Row) => boolean {
	let width = tableWidth(out, options);
	let layout = layOut(table, options, width, null);
	if (options.headers !== false) out.write(`${headerLine(layout, out.colours)}\n`);
	return (row) => {
		const now = tableWidth(out, options);
		if (now !== width) layout = layOut(table, options, now, null);
		width = now;
		return out.write(`${rowLine(layout, row, out.colours)}\n`);
	};
}

const GAP = "  ";

function chosenColumns<Row>({ columns, worth }: Table<Row>, list: string | undefined): readonly Column<Row>[] {
	if (list === undefined) return columns.filter(({ key }) => worth.includes(key));
	return list.split(",").map((key) => {
		const column = columns.find((each) => each.key === key);
		if (column !== undefined) return column;
		const known = columns.map((each) => each.key).join(", ");
		throw new SallyportError("USAGE", `There is no column '${harmless(key)}'. The columns are ${known}.`);
	});
}

/* The three widths of a column, of which none is more than its texts need. */
function cellOf<Row>(column: Column<Row>, sample: readonly Row[] | null, header: boolean) {
	const { least, usual, most = usual, title, text } = column;
	if (sample === null) return { column, width: least, usual, most };
	const longest = sample.reduce((width, row) => Math.max(width, displayWidth(harmless(text(row)))), 1);
	const needed = header ? Math.max(longest, title.length) : longest;
	const shortest = header ? Math.max(longest, shortTitle(title).length) : longest;
	return { column, width: Math.min(least, shortest), usual: Math.min(usual, needed), most: needed };
}

function shortTitle(title: string): string {
	return title.split("/", 1)[0] ?? title;
}

function cellText<Row>({ right, shorten = cutEnd }: Column<Row>, text: string, width: number, cut: boolean): string {
	const fitting = cut && displayWidth(text) > width ? shorten(text, width) : text;
	return right === true ? padStart(fitting, width) : padEnd(fitting, width);
}
