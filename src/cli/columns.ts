import { fit } from "../base/text.ts";
import { harmless } from "./harmless.ts";

export interface Column<Row> {
	readonly title: string;
	readonly text: (row: Row) => string;
	/** Columns at least. */
	readonly least: number;
	/** Of what is left; 0: it never grows. */
	readonly share?: number;
	readonly right?: boolean;
	/** Lower ones go first where it is narrow; none: it stays. */
	readonly keep?: number;
}

/** A table that is never wider than `width`: first the header, then a line a row. */
export function columns<Row>(all: readonly Column<Row>[], width: number): (row: Row | null) => string {
	let shown = [...all];
	const needed = () => shown.reduce((sum, { least }) => sum + least + GAP.length, -GAP.length);
	for (const column of all.filter(({ keep }) => keep !== undefined).sort((a, b) => (a.keep ?? 0) - (b.keep ?? 0)))
		if (needed() > width) shown = shown.filter((each) => each !== column);
	const spare = Math.max(0, width - needed());
	const shares = shown.reduce((sum, { share = 0 }) => sum + share, 0);
	const widths = shown.map(({ least, share = 0 }) => least + (shares === 0 ? 0 : Math.floor((spare * share) / shares)));
	return (row) =>
		shown
			.map(({ title, text, right }, index) => {
				const [cell, room] = [row === null ? title : harmless(text(row)), widths[index] ?? 0];
				return right === true && cell.length <= room ? cell.padStart(room) : fit(cell, room);
			})
			.join(GAP)
			.trimEnd()
			.slice(0, width);
}

const GAP = "  ";
