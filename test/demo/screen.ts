/** The demo's table: 120 columns, aligned, coloured on a terminal. */
import type { Seen } from "../support/api.ts";
import type { Told } from "./outcome.ts";

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;
const WIDTHS = [15, 43, 26, 8, 9, 19] as const;

export type Paint = (style: keyof typeof CODES, text: string) => string;

export interface Line {
	readonly who: string;
	readonly tried: string;
	readonly told: Told;
	readonly arrived: number;
	readonly seen: Seen | null;
	readonly surprise: boolean;
}

export function painter(colour: boolean): Paint {
	return (style, text) => (colour ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text);
}

export function title(): string {
	return ["who", "tried", "what the client saw", "     ms ", " arrived", "  decided by"].map(fit).join("").trimEnd();
}

export function rule(): string {
	return "─".repeat(WIDTHS.reduce((sum, width) => sum + width, 0));
}

export function row(paint: Paint, { who, tried, told, arrived, seen, surprise }: Line): string {
	const cells = [who, tried, told.text, `${told.ms.toFixed(1).padStart(7)} `, `${arrived} B`.padStart(8)].map(fit);
	const verdict = told.ok ? "green" : "yellow";
	const [a = "", b = "", c = "", d = "", e = ""] = cells;
	return `${a}${b}${paint(surprise ? "red" : verdict, c)}${d}${paint(arrived > 0 ? "green" : "dim", e)}  ${by(seen)}${surprise ? paint("red", "  !") : ""}`;
}

function by(seen: Seen | null): string {
	if (seen === null) return "the kernel";
	return `${seen.phase} ${seen.rule ?? REASONS[seen.reason ?? ""] ?? seen.reason}`;
}

const REASONS: Record<string, string> = {
	default: "(default)",
	name_missing: "(no name)",
	name_unbound: "(name ≠ address)",
};

function fit(text: string, at: number): string {
	const width = WIDTHS[at] ?? 10;
	return text.length > width ? `${text.slice(0, width - 2)}… ` : text.padEnd(width);
}
