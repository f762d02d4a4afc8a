import type { Config } from "../config.ts";
import type { ConnectionView } from "../connections/view.ts";
import type { Logger } from "../logger.ts";

/** What the commands need; command.ts hands it in. */
export interface CliDeps {
	readonly version: string;
	readonly out: Output;
	readonly err: Output;
	readonly start: (config: Config, log: Logger) => Promise<RunningDaemon>;
	readonly checkPolicy: (file: string) => CheckReport;
	readonly comparePolicy: (before: PolicySource, file: string) => PolicyComparison;
	readonly readFile: (file: string) => string;
	/** All of standard input. */
	readonly readInput: () => Promise<string>;
	readonly hashPassword: (password: string) => Promise<string>;
	readonly signals: Signals;
	/** Each key as it is pressed, until the returned function is called. */
	readonly keys: (pressed: (key: string) => void) => () => void;
}

/** Where text goes; a terminal has colours and a size. */
export interface Output {
	readonly terminal: boolean;
	readonly colours: boolean;
	/** Columns and lines now. */
	readonly width: () => number;
	readonly height: () => number;
	/** False: nothing was written, the reader is too slow. */
	readonly write: (text: string) => boolean;
	/** Called when the reader has gone. */
	readonly onClosed: (gone: () => void) => void;
	/** Returns the end of it. */
	readonly onResize: (resized: () => void) => () => void;
}

export interface RunningDaemon {
	/** Each connection once it is settled (src/connections/stream.ts). Returns the end of it, which tells what still waits. */
	readonly watch: (emit: (connection: ConnectionView) => void) => () => void;
	/** Read policy and resolvers anew. */
	readonly reload: () => void;
	readonly stop: () => Promise<void>;
	readonly summary: () => { readonly lost: number };
}

export interface CheckReport {
	readonly file: string;
	readonly ok: boolean;
	readonly problems: readonly object[];
	readonly lines: readonly string[];
	readonly facts: {
		readonly mode: string;
		readonly rules: number;
		readonly prefixes: number;
		readonly names: number;
		readonly bytes: number;
	} | null;
}

export interface PolicySource {
	readonly text: string;
	/** The file it came from, or "(api)". */
	readonly source: string;
}

export interface PolicyComparison {
	/** Lines of what is wrong with one of the two; then there are no changes. */
	readonly problems: readonly string[];
	readonly changes: readonly PolicyChange[];
}

export interface PolicyChange {
	readonly kind: "added" | "removed" | "changed" | "moved" | "setting";
	/** A rule as group/rule, or a setting. */
	readonly what: string;
	/** Condition by condition, or the setting's values. */
	readonly details: readonly {
		readonly field: string;
		readonly before: string | null;
		readonly after: string | null;
	}[];
}

export interface Signals {
	/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
	readonly ended: () => Promise<void>;
	readonly onHangup: (reload: () => void) => void;
}
