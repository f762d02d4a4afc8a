import type { HistoryStatus } from "../records/history-status.ts";

/** The response of GET /v1/status, and the content of `sallyport status`. */
export interface Status {
	readonly version: string;
	readonly pid: number;
	readonly startedAt: string;
	readonly cgroup: string;
	readonly pins: string;
	/** The kernel programs were loaded by an earlier daemon. */
	readonly adopted: boolean;
	readonly kernel: string;
	/** The generation of the policy in force. */
	readonly generation: number;
	/** Whether the programs are attached to the watched cgroup. */
	readonly attachment: {
		/** Why packets are not judged; null: they are. */
		readonly problem: string | null;
		/** Times that the daemon attached programs again. */
		readonly repairs: number;
	};
	readonly policy: PolicyStatus;
	/** The oldest first. */
	readonly overlays: readonly OverlayStatus[];
	readonly events: {
		readonly received: number;
		readonly lost: number;
		readonly unreadable: number;
		/** Among the lost: units that had used up their share of the ring buffer. */
		readonly throttled: readonly { readonly source: string; readonly events: number }[];
	};
	/** Records in memory; a DNS question is not counted as a connection that has ended. */
	readonly connections: {
		readonly open: number;
		readonly ended: number;
		readonly questions: number;
		readonly dropped: number;
	};
	readonly denied: number;
	readonly wouldDeny: number;
	readonly resolvers: readonly string[];
	/** Suffixes with which an allowed name may be looked up. */
	readonly search: readonly string[];
	/**
	 * Exact names of allow rules: resolved again before they expire; of those, without an answer at the last query; not kept
	 * resolved, because there are too many.
	 */
	readonly names: { readonly kept: number; readonly unanswered: number; readonly leftOut: number };
	/** Kernel maps whose entries are counted. */
	readonly maps: readonly { readonly name: string; readonly entries: number; readonly limit: number }[];
	readonly versions: Readonly<Record<string, string>>;
	/** Null: no history is kept. */
	readonly history: HistoryStatus | null;
	/** Open readers of /v1/stream. */
	readonly streams: number;
	readonly programs: readonly { readonly name: string; readonly id: number; readonly verifiedInstructions: number }[];
}

export interface PolicyStatus {
	/** Null, like the members below: an earlier daemon's policy is in force, and this daemon has loaded none. */
	readonly mode: string | null;
	readonly source: string | null;
	readonly origin: string | null;
	readonly etag: string | null;
	readonly rules: number | null;
	readonly loadedAt: string | null;
	/** The last load, if it was refused. */
	readonly failure: { readonly time: string; readonly source: string; readonly problems: readonly string[] } | null;
}

export interface OverlayStatus {
	readonly name: string;
	readonly owner: string;
	readonly reason: string;
	readonly scope: string | null;
	readonly until: string | null;
	readonly keep: boolean;
	/** Number of its rules. */
	readonly rules: number;
	/** Why it is not in force, or null. */
	readonly problem: string | null;
}

/** The response of GET /readyz. */
export interface Readiness {
	readonly ready: boolean;
	/** By check: `ok`, or the cause. A failed check that affects neither decisions nor the API does not clear `ready`. */
	readonly checks: Readonly<Record<string, string>>;
}
