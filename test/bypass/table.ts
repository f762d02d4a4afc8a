/** The table of results: 120 columns, coloured on a terminal. */
import { painter } from "../demo/screen.ts";
import { whyNot } from "./known.ts";
import type { Outcome } from "./row.ts";
import { EXPECTED, finding } from "./runner.ts";

/** id, attempt, bytes without enforcement, bytes with it, record, result */
const WIDTHS = [7, 60, 9, 9, 25, 10] as const;
const paint = painter(process.stdout.isTTY && process.env.NO_COLOR === undefined);

export function heading(): string {
	return paint("bold", cells(["row", "tried", "without", "arrived", "recorded", "result"]));
}

export function ruler(): string {
	return paint("dim", "─".repeat(WIDTHS.reduce((sum, width) => sum + width, 0)));
}

export function section(title: string): string {
	return paint("dim", title);
}

/** `without`: bytes that arrived while the policy blocked nothing; null: not tried. */
export function lines(outcome: Outcome, without: number | null): string {
	const { row, arrived, recorded, clientSaw } = outcome;
	const result = finding(outcome);
	const [first = "", ...more] = wrap(row.title, WIDTHS[1] - 1);
	const free = without === null ? "" : bytes(without);
	const text = cells([row.id, first, free, bytes(arrived), recorded, result]);
	const style = !EXPECTED.includes(result) ? "red" : result === "open" || result === "waiting" ? "yellow" : "green";
	const head = text.slice(0, text.length - result.length) + paint(style, result);
	const rest = more.map((line) => " ".repeat(WIDTHS[0]) + line);
	if (!EXPECTED.includes(result)) rest.push(paint("red", `${" ".repeat(WIDTHS[0])}the client saw: ${clientSaw}`));
	return [head, ...rest].join("\n");
}

/** The rows that were not stopped, grouped by reason. */
export function notHeld(outcomes: readonly Outcome[]): string[] {
	const reasons = new Map<string, string[]>();
	for (const { row, held } of outcomes) {
		const known = held ? null : whyNot(row.id);
		if (known !== null) reasons.set(known.why, [...(reasons.get(known.why) ?? []), row.id]);
	}
	return [...reasons].flatMap(([why, ids]) =>
		wrap(`${ids.join(" ")}: ${why}`, 118).map((line, at) => (at ? "  " : "") + line),
	);
}

function bytes(count: number): string {
	return `${`${count} B`.padStart(7)}  `;
}

function cells(texts: readonly string[]): string {
	return texts
		.map((text, at) =>
			text.length >= (WIDTHS[at] ?? 0) && at === 4 ? `${text.slice(0, 23)}… ` : text.padEnd(WIDTHS[at] ?? 0),
		)
		.join("")
		.trimEnd();
}

function wrap(text: string, width: number): string[] {
	const all: string[] = [];
	let line = "";
	for (const word of text.split(" ")) {
		if (line !== "" && line.length + 1 + word.length > width) {
			all.push(line);
			line = word;
		} else {
			line = line === "" ? word : `${line} ${word}`;
		}
	}
	return [...all, line];
}
