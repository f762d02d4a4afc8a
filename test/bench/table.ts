/** The benchmark's rows for a terminal. A missed target shows by how much it was missed. */
import type { Row } from "./measures.ts";

const UNITS: Readonly<Record<Row["unit"], readonly [text: string, digits: number]>> = {
	ratio: ["", 3],
	ns: [" ns", 0],
	us: [" µs", 2],
	ms: [" ms", 1],
	count: ["", 0],
	MB: [" MB", 1],
	"%": [" %", 3],
	"/s": ["/s", 1],
};

export function table(rows: readonly Row[], colour: boolean): string {
	const width = Math.max(...rows.map((row) => row.what.length), 10);
	const lines = rows.map((row) => {
		const goal =
			row.atMost !== null
				? `≤ ${format(row, row.atMost)}`
				: row.atLeast !== undefined
					? `≥ ${format(row, row.atLeast)}`
					: "";
		return `${row.goal.padEnd(4)}${row.what.padEnd(width)}  ${format(row, row.value).padStart(10)}  ${goal.padEnd(12)}${paint(judge(row), colour)}`.trimEnd();
	});
	return `${lines.join("\n")}\n`;
}

export function met(row: Row): boolean | null {
	if (row.atMost !== null) return row.value <= row.atMost;
	return row.atLeast === undefined ? null : row.value >= row.atLeast;
}

function judge(row: Row): string {
	const good = met(row);
	if (good === null) return "";
	if (good) return "met";
	const limit = row.atMost ?? row.atLeast ?? 0;
	return `short by ${format(row, Math.abs(row.value - limit))}`;
}

function format(row: Row, value: number): string {
	const [unit, digits] = UNITS[row.unit];
	return `${value.toFixed(digits)}${unit}`;
}

function paint(text: string, colour: boolean): string {
	if (!colour || text === "") return text;
	return `\x1b[${text === "met" ? 32 : 31}m${text}\x1b[0m`;
}
