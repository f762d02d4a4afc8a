import type { HistoryStatus } from "../records/contract.ts";

/** What /v1/status answers and `sallyport status` shows. */
export interface Status {
	readonly version: string;
	readonly pid: number;
	readonly startedAt: string;
	readonly cgroup: string;
	readonly pins: string;
	/** The kernel's programs were there before this daemon. */
	readonly adopted: boolean;
	readonly kernel: string;
	/** Of the policy that decides now. */
	readonly generation: number;
	readonly policy: PolicyStatus;
	readonly events: { readonly received: number; readonly lost: number; readonly unreadable: number };
	readonly connections: { readonly open: number; readonly ended: number; readonly dropped: number };
	readonly denied: number;
	readonly wouldDeny: number;
	readonly resolvers: readonly string[];
	/** Entries of kernel maps, as far as they are counted. */
	readonly maps: readonly { readonly name: string; readonly entries: number; readonly limit: number }[];
	readonly versions: Readonly<Record<string, string>>;
	/** Null: none is kept. */
	readonly history: HistoryStatus | null;
	/** Readers of /v1/stream. */
	readonly streams: number;
	readonly programs: readonly { readonly name: string; readonly id: number; readonly verifiedInstructions: number }[];
}

export interface PolicyStatus {
	/** Null: an earlier daemon's policy is in force, and this one has none of its own. */
	readonly mode: string | null;
	readonly source: string | null;
	readonly origin: string | null;
	readonly etag: string | null;
	readonly rules: number | null;
	readonly loadedAt: string | null;
	/** The last try, if it was refused. */
	readonly failure: { readonly time: string; readonly source: string; readonly problems: readonly string[] } | null;
}

/** What /readyz answers. */
export interface Readiness {
	readonly ready: boolean;
	/** `ok`, or what is wrong. What does not stop Sallyport from deciding and answering does not make it unready. */
	readonly checks: Readonly<Record<string, string>>;
}
