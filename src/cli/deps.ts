import type { Config } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import type { Comparison } from "../policy/evaluate/compare.ts";
import type { ConnectionView } from "../records/view.ts";

/** What the commands need; command.ts hands it in. */
export interface CliDeps {
	readonly version: string;
	readonly out: Output;
	readonly err: Output;
	readonly start: (config: Config, log: Logger) => Promise<RunningDaemon>;
	readonly attach: (config: AttachConfig, log: Logger) => Promise<AttachResult>;
	readonly detach: (config: Pick<Config, "pins" | "runtimeDir">) => Promise<DetachResult>;
	/** What takes connections for the journal; null: no journal listens here. */
	readonly openJournal: () => ((connection: ConnectionView) => void) | null;
	readonly doctor: (config: DoctorConfig) => Promise<DoctorReport>;
	readonly checkPolicy: (file: string) => PolicyCheck;
	readonly comparePolicy: (before: PolicySource, file: string) => Comparison;
	readonly replay: (request: ReplayRequest) => Promise<ReplayReport>;
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
	/** Each connection once it is settled (src/connections/settled.ts). Returns the end of it, which tells what still waits. */
	readonly watch: (emit: (connection: ConnectionView) => void) => () => Promise<void>;
	/** Read policy and resolvers anew. */
	readonly reload: () => Promise<void>;
	readonly stop: () => Promise<void>;
	readonly summary: () => { readonly lost: number };
	/** Since the last time this was asked. */
	readonly health: () => Health;
}

export interface Health {
	/** Why nothing is seen any more, or null. */
	readonly problem: string | null;
	/** What is in force and how it goes, for a service manager. */
	readonly line: string;
}

export type AttachConfig = Pick<Config, "pins" | "cgroup" | "runtimeDir" | "sizes"> & {
	readonly policy: string;
	readonly stateDir: string;
	/** The policy file and not the policy that was kept. */
	readonly anew: boolean;
	/** What is put in force if there is no good policy. */
	readonly otherwise: "open" | "closed";
};

export interface AttachResult {
	/** Which policy is in force now; `before`: one that was there, because the file is no good. */
	readonly origin: "kept" | "file" | "before" | "closed" | "nothing";
	readonly generation: number;
	readonly mode: string | null;
	readonly rules: number | null;
	readonly source: string | null;
	readonly savedAt: string | null;
	/** Of the policy file, if it was tried. */
	readonly problems: readonly string[];
	readonly cgroup: string;
	readonly pins: string;
}

export interface DetachResult {
	readonly wasThere: boolean;
	readonly pins: string;
}

export interface DoctorConfig extends Pick<Config, "pins" | "cgroup" | "runtimeDir"> {
	readonly policy: string;
	readonly stateDir: string;
}

export interface DoctorReport {
	readonly findings: readonly Finding[];
}

export interface Finding {
	readonly check: string;
	readonly result: "ok" | "warning" | "failure";
	/** What was found. */
	readonly text: string;
	/** What to do about it; null where there is nothing to do. */
	readonly advice: string | null;
}

export interface ReplayRequest {
	/** Paths; "-" is standard input. */
	readonly files: readonly string[];
	/** Path of a policy, or null. */
	readonly policy: string | null;
	readonly resolvers: readonly string[];
	readonly who: {
		readonly exe?: string;
		readonly user?: string;
		readonly unit?: string;
		readonly container?: string;
		readonly cgroup?: string;
	};
}

export interface ReplayReport {
	readonly rows: readonly ReplayRow[];
	readonly files: readonly {
		readonly file: string;
		readonly packets: number;
		/** Why it was not read to its end, or null. */
		readonly problem: string | null;
		readonly unknownLinks: readonly { readonly linkType: number; readonly packets: number }[];
	}[];
}

export interface ReplayRow {
	readonly count: number;
	readonly client: string;
	readonly server: string;
	readonly port: number;
	readonly protocol: string;
	readonly name: string | null;
	/** tls, quic, http, dns, question; null without a name. */
	readonly from: string | null;
	readonly first: string;
	readonly last: string;
	/** These only with a policy. */
	readonly verdict?: string;
	readonly phase?: string;
	readonly group?: string | null;
	readonly rule?: string | null;
	readonly reason?: string;
}

export interface PolicySource {
	readonly text: string;
	/** The file it came from, or "(api)". */
	readonly source: string;
}

export interface Signals {
	/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
	readonly ended: () => Promise<void>;
	readonly onHangup: (reload: () => void) => void;
}
