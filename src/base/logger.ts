import { errorCodeOf } from "./errors.ts";
import { printable } from "./text.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
	debug(message: string, fields?: LogFields): void;
	info(message: string, fields?: LogFields): void;
	warn(message: string, fields?: LogFields): void;
	error(message: string, fields?: LogFields): void;
}

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 };

/** The prefix by which journald sets the priority of a line, sd-daemon(3). */
const PRIORITY: Readonly<Record<LogLevel, string>> = { debug: "<7>", info: "<6>", warn: "<4>", error: "<3>" };

export const LOG_LEVELS = Object.keys(LEVELS) as LogLevel[];

export interface JsonLoggerOptions {
	/** Messages below this level are dropped. Default: info. */
	readonly level?: LogLevel;
	/** The lines go to the journal: each begins with its priority. Default: false. */
	readonly journal?: boolean;
}

/**
 * JSON lines of time, level and message, followed by the fields. Characters that move the cursor of a terminal or
 * reorder a line are escaped.
 */
export function jsonLogger(
	write: (line: string) => void,
	{ level = "info", journal = false }: JsonLoggerOptions = {},
): Logger {
	const at =
		(name: LogLevel) =>
		(message: string, fields: LogFields = {}) => {
			if (LEVELS[name] < LEVELS[level]) return;
			const line = JSON.stringify({ time: new Date().toISOString(), level: name, message, ...plain(fields) });
			write(`${journal ? PRIORITY[name] : ""}${line.replace(HARMFUL, escaped)}\n`);
		};
	return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Plain lines for a terminal; only warnings and errors are written. */
export function plainLogger(write: (line: string) => void): Logger {
	const at =
		(name: LogLevel) =>
		(message: string, fields: LogFields = {}) => {
			const detail = Object.entries(plain(fields)).map(
				([key, value]) => `${key}=${printable(typeof value === "string" ? value : JSON.stringify(value))}`,
			);
			write(
				`sallyport: ${name === "warn" ? "warning: " : name === "error" ? "error: " : ""}${[message, ...detail].join(" ")}\n`,
			);
		};
	const nothing = () => {};
	return { debug: nothing, info: nothing, warn: at("warn"), error: at("error") };
}

/** `text` with a priority on each line if it goes to the journal: journald takes every line as an entry. */
export function withPriority(text: string, level: LogLevel, journal: boolean): string {
	return journal ? text.replace(/^(?=.)/gm, PRIORITY[level]) : text;
}

/** Runs what no caller awaits; a failure is logged, never thrown. */
export async function guarded(log: Logger, what: string, run: () => void | Promise<void>): Promise<void> {
	try {
		await run();
	} catch (error) {
		log.error(`${what} failed`, { error });
	}
}

/* JSON.stringify escapes only the control characters below U+0020. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

function escaped(character: string): string {
	const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
	return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

function plain(fields: LogFields): Record<string, unknown> {
	const result: Record<string, unknown> = {};
	for (const [key, value] of Object.entries(fields)) {
		if (value instanceof Error) {
			const code = errorCodeOf(value);
			result[key] = code === null ? value.message : `${code}: ${value.message}`;
		} else result[key] = typeof value === "bigint" ? value.toString() : value;
	}
	return result;
}
