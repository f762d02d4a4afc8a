import type { Status } from "../api/status.ts";
import type { Config } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import type { Comparison } from "../policy/evaluate/compare.ts";
import type { ConnectionView } from "../records/view.ts";

/** The dependencies of the commands, supplied by command.ts. */
export interface CliDeps {
	readonly version: string;
	readonly out: Output;
	readonly err: Output;
	readonly start: (config: Config, log: Logger) => Promise<RunningDaemon>;
	readonly attach: (config: AttachConfig, log: Logger) => Promise<AttachResult>;
	readonly detach: (config: Pick<Config, "pins" | "runtimeDir">) => Promise<DetachResult>;
	/** One sentence about what the kernel enforces while no daemon answers; null if nothing is known. */
	readonly kernelState: () => string | null;
	/** Returns a function that writes a connection to the journal; null if no journal runs here. */
	readonly openJournal: () => ((connection: ConnectionView) => void) | null;
	readonly doctor: (config: DoctorConfig) => Promise<DoctorReport>;
	readonly checkPolicy: (file: string) => PolicyCheck;
	readonly comparePolicy: (before: PolicySource, after: PolicySource) => Comparison;
	readonly replay: (request: ReplayRequest) => Promise<ReplayReport>;
	readonly readFile: (file: string) => string;
	/** Reads standard input to its end. */
	readonly readInput: () => Promise<string>;
	readonly hashPassword: (password: string) => Promise<string>;
	readonly signals: Signals;
	/** Calls back for each key pressed until the returned function is called. */
	readonly keys: (pressed: (key: string) => void) => () => void;
}

/** Standard output or standard error. */
export interface Output {
	readonly terminal: boolean;
	readonly colours: boolean;
	/** Current size in columns and lines. */
	readonly width: () => number;
	readonly height: () => number;
	/** Returns false if the text was dropped because the reader is too slow. */
	readonly write: (text: string) => boolean;
	/** Calls back when writing has failed or the reader has closed the pipe. */
	readonly onClosed: (closed: () => void) => void;
	/** Returns a function that ends the notifications. */
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
	/** What the daemon reports, for checks that need root; null if it does not answer. */
	readonly status: Status | null;
	readonly policy: string;
	readonly stateDir: string;
}

export interface DoctorReport {
	readonly findings: readonly Finding[];
}

export interface Finding {
	readonly check: string;
	/** `not_checked`: the user may not look at it. */
	readonly result: "ok" | "warning" | "failure" | "not_checked";
	readonly text: string;
	/** The remedy; null if none is needed. */
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
