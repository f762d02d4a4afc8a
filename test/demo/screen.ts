/** The demo's table: 80 columns, aligned, coloured on a terminal. */
import type { Seen } from "../support/api.ts";
import type { ClientResult } from "./outcome.ts";

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const;

/** Widths in terminal columns, including one separator. */
const WIDTHS = { tried: 33, saw: 17, ms: 5, received: 6, by: 15 } as const;
const WIDTH = 80;

export type Paint = (style: keyof typeof CODES, text: string) => string;

export interface Line {
	readonly tried: string;
	readonly result: ClientResult;
	/** Data that the server received [bytes]. */
	readonly arrived: number;
	readonly seen: Seen | null;
	/** The outcome contradicts the policy. */
	readonly surprise: boolean;
}

export function painter(colour: boolean): Paint {
	return (style, text) => (colour ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text);
}

export function title(): string {
	const { tried, saw, ms, received } = WIDTHS;
	return [fit("tried", tried), fit("result", saw), "ms".padStart(ms), "bytes".padStart(received), "decided by"].join(
		" ",
	);
}

export function rule(): string {
	return "─".repeat(WIDTH);
}

export function row(paint: Paint, { tried, result, arrived, seen, surprise }: Line): string {
	const verdict = result.ok ? "green" : "yellow";
	const saw = paint(surprise ? "red" : verdict, `${surprise ? "!" : " "}${fit(result.text, WIDTHS.saw)}`);
	const ms = result.ms.toFixed(result.ms < 1000 ? 1 : 0).padStart(WIDTHS.ms);
	const received = paint(arrived > 0 ? "green" : "dim", String(arrived).padStart(WIDTHS.received));
	return `${fit(tried, WIDTHS.tried)}${saw} ${ms} ${received} ${fit(by(seen), WIDTHS.by).trimEnd()}`;
}

function by(seen: Seen | null): string {
	if (seen === null) return "the kernel";
	return `${seen.phase} ${seen.rule ?? REASONS[seen.reason ?? ""] ?? seen.reason}`;
}

const REASONS: Record<string, string> = {
	default: "default",
	name_missing: "no name",
	name_unbound: "name≠addr",
};

function fit(text: string, width: number): string {
	return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}
