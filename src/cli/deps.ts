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
	readonly signals: Signals;
}

/** Where text goes; a terminal has colours and a width. */
export interface Output {
	readonly terminal: boolean;
	readonly colours: boolean;
	/** Columns now. */
	readonly width: () => number;
	/** False: nothing was written, the reader is too slow. */
	readonly write: (text: string) => boolean;
	/** Called when the reader has gone. */
	readonly onClosed: (gone: () => void) => void;
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

export interface Signals {
	/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
	readonly ended: () => Promise<void>;
	readonly onHangup: (reload: () => void) => void;
}
