import type { Status } from "../api/status.ts";
import type { Config } from "../base/config.ts";
import type { Logger } from "../base/logger.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import type { Comparison } from "../policy/evaluate/compare.ts";
import type { ConnectionView } from "../records/view.ts";

/** The system as the commands see it; command.ts provides it. */
export interface CliDeps {
	readonly version: string;
	readonly out: Output;
	readonly err: Output;
	readonly start: (config: Config, log: Logger) => Promise<RunningDaemon>;
	readonly attach: (config: AttachConfig, log: Logger) => Promise<AttachResult>;
	readonly detach: (config: Pick<Config, "pins" | "runtimeDir">) => Promise<DetachResult>;
	/**
	 * One sentence on the policy that the kernel enforces by the pins of a folder, with the command that removes it. Null
	 * if there is none, or if this user may not look. Defaults: those of `run`.
	 */
	readonly kernelState: (at?: Partial<Pick<Config, "pins" | "runtimeDir" | "cgroup" | "stateDir">>) => string | null;
	/**
	 * BPF programs that judge the traffic of a cgroup, whoever attached them; null: of the whole host. Throws
	 * SallyportError.
	 */
	readonly attachedPrograms: (cgroup: string | null) => readonly AttachedAt[];
	/** Returns a function that writes a connection to the journal; null: no journal listens here. */
	readonly openJournal: () => ((connection: ConnectionView) => void) | null;
	readonly doctor: (config: DoctorConfig) => Promise<DoctorReport>;
	readonly checkPolicy: (file: string) => PolicyCheck;
	readonly comparePolicy: (before: PolicySource, after: PolicySource) => Comparison;
	readonly replay: (request: ReplayRequest) => Promise<ReplayReport>;
	/** The user who runs the command, also under sudo. */
	readonly caller: () => string;
	readonly readFile: (file: string) => string;
	/** Reads standard input to its end. */
	readonly readInput: () => Promise<string>;
	readonly hashPassword: (password: string) => Promise<string>;
	readonly signals: Signals;
	/** Calls back for each key pressed until the returned function is called. */
	readonly keys: (pressed: (key: string) => void) => () => void;
}

export interface AttachedAt {
	/** Name of the hook as libbpf writes it: cgroup_inet_egress. */
	readonly hook: string;
	/** Empty without CAP_SYS_ADMIN. */
	readonly name: string;
	readonly id: number;
}

/** An output stream. */
export interface Output {
	readonly terminal: boolean;
	/** True if journald reads it: a line may begin with a priority, sd-daemon(3). */
	readonly journal?: boolean;
	readonly colours: boolean;
	/** Current size of the terminal in columns and lines. */
	readonly width: () => number;
	readonly height: () => number;
	/** Returns false if the text was dropped because the reader is too slow. */
	readonly write: (text: string) => boolean;
	/** Calls back when writing has failed or the reader has closed its end. */
	readonly onClosed: (closed: () => void) => void;
	/** Returns the function that unsubscribes. */
	readonly onResize: (resized: () => void) => () => void;
}

export interface RunningDaemon {
	/**
	 * Emits each connection once it is settled (src/connections/settled.ts). Returns the function that emits the rest and
	 * unsubscribes.
	 */
	readonly watch: (emit: (connection: ConnectionView) => void) => () => Promise<void>;
	/** Reads the policy file, the host's resolvers and the metrics' secrets again. Never rejects: a refusal is logged. */
	readonly reload: () => Promise<void>;
	readonly stop: () => Promise<void>;
	readonly summary: () => { readonly lost: number };
	/** Health since the last call. */
	readonly health: () => Health;
}

export interface Health {
	/** Why no events arrive any more, or null. */
	readonly problem: string | null;
	/** Policy and counts, for a service manager. */
	readonly line: string;
}

export type AttachConfig = Pick<Config, "pins" | "cgroup" | "runtimeDir" | "sizes"> & {
	readonly policy: string;
	readonly stateDir: string;
	/** Load the policy file, even if a saved policy can be used. */
	readonly anew: boolean;
	/** The policy if there is no valid one. */
	readonly otherwise: "open" | "closed";
};

export interface AttachResult {
	/** The policy in force now; `before`: an earlier one stays, because the file is invalid. */
	readonly origin: "kept" | "file" | "before" | "closed" | "nothing";
	readonly generation: number;
	readonly mode: string | null;
	readonly rules: number | null;
	readonly source: string | null;
	readonly savedAt: string | null;
	/** Problems of the policy file, if it was read. */
	readonly problems: readonly string[];
	readonly cgroup: string;
	readonly pins: string;
}

export interface DetachResult {
	readonly wasThere: boolean;
	readonly pins: string;
}

export interface DoctorConfig extends Pick<Config, "pins" | "cgroup" | "runtimeDir"> {
	/** The daemon's report for checks that need root; null if it does not answer. */
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
	/** The finding. */
	readonly text: string;
	/** The remedy; null: none is needed. */
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
	/** Present only with a policy. */
	readonly verdict?: string;
	readonly phase?: string;
	readonly group?: string | null;
	readonly rule?: string | null;
	readonly reason?: string;
}

export interface PolicySource {
	readonly text: string;
	/** Path of its file, or "(api)". */
	readonly source: string;
	/** `file` if it came from that file, see GET /v1/policy. */
	readonly origin: string;
}

export interface Signals {
	/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
	readonly ended: () => Promise<void>;
	readonly onHangup: (reload: () => void) => void;
}
