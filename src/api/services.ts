import type { LiveFeed } from "../connections/live-feed.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import type { PolicyProblem } from "../policy/read/problem.ts";
import type { Records, Source } from "../records/contract.ts";
import type { Describer } from "../records/view.ts";
import type { ExplainRequest, Explanation, RuleOfName } from "./policy-types.ts";
import type { Readiness, Status } from "./status.ts";

/** What the API needs of the daemon, and no more. */
export interface ApiServices {
	/** Where records are read, with all that has happened so far in it. */
	readonly records: (wanted?: Source) => Promise<Records>;
	readonly feed: LiveFeed;
	readonly describe: Describer;
	readonly policy: PolicyPort;
	/** Names that the kernel holds an address for now, and until when (wall clock, ms). */
	readonly learned: (address: string) => readonly { readonly name: string; readonly until: number }[];
	readonly status: () => Status;
	/** In parts, so that a large one holds up nothing. */
	readonly metrics: () => { readonly contentType: string; readonly parts: AsyncIterable<string> };
	/** Why the daemon is not well, or null. */
	readonly ill: () => string | null;
	readonly ready: () => Readiness;
}

export interface PolicyPort {
	/** Null: an earlier daemon's policy is in force. */
	current(): PolicyDocument | null;
	/** Rejects with Refusal if another policy is in force than `replaces` takes, by its etag, when the turn of this one comes. */
	load(text: string, replaces: (etag: string | null) => boolean): Promise<PolicyLoad>;
	/** All that loading would do, short of the kernel. */
	check(text: string): Promise<PolicyCheck>;
	/** Null: the policy in force is not known to this daemon. Throws Refusal. */
	explain(request: ExplainRequest): Explanation | null;
	/** Rules of the policy in force whose domains cover the name. */
	rulesOf(name: string): readonly RuleOfName[];
}

export type PolicyLoad =
	| { readonly ok: true; readonly policy: PolicyDocument }
	| { readonly ok: false; readonly problems: readonly PolicyProblem[] };

export interface PolicyDocument {
	readonly text: string;
	readonly etag: string;
	readonly generation: number;
	readonly mode: string;
	readonly source: string;
	readonly origin: string;
	readonly loadedAt: Date;
}
