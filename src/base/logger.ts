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

export const LOG_LEVELS = Object.keys(LEVELS) as LogLevel[];

/** JSON lines: time, level, message, then the fields. What could move a cursor or reorder a line is escaped, so a terminal may show them. */
export function jsonLogger(write: (line: string) => void, level: LogLevel = "info"): Logger {
	const at =
		(name: LogLevel) =>
		(message: string, fields: LogFields = {}) => {
			if (LEVELS[name] < LEVELS[level]) return;
			const line = JSON.stringify({ time: new Date().toISOString(), level: name, message, ...plain(fields) });
			write(`${line.replace(HARMFUL, escaped)}\n`);
		};
	return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** For a person at a terminal: only what needs them. */
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

/* JSON.stringify escapes the controls below U+0020 only. */
const HARMFUL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

function escaped(character: string): string {
	const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
	return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
}

function plain(fields: LogFields): Record<string, unknown> {
	const result: Record<string, unknown> = {};
	for (const [key, value] of Object.entries(fields)) {
		if (value instanceof Error) {
			const { code } = value as { code?: unknown };
			result[key] = code === undefined ? value.message : `${String(code)}: ${value.message}`;
		} else result[key] = typeof value === "bigint" ? value.toString() : value;
	}
	return result;
}
