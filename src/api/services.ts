import type { LiveFeed } from "../connections/live-feed.ts";
import type { PolicyCheck } from "../policy/compile/policy-facts.ts";
import type { PolicyProblem } from "../policy/read/problem.ts";
import type { Asker, Records, Source } from "../records/contract.ts";
import type { Describer } from "../records/view.ts";
import type { OverlayPort } from "./overlay-types.ts";
import type { ExplainRequest, Explanation, RuleOfName } from "./policy-types.ts";
import type { Readiness, Status } from "./status.ts";

/** The parts of the daemon that the API uses. */
export interface ApiServices {
	/** A reader that sees every event up to the call; `wanted` selects the source. */
	readonly records: (asker: Asker, wanted?: Source) => Promise<Records>;
	readonly feed: LiveFeed;
	readonly describe: Describer;
	readonly policy: PolicyPort;
	readonly overlays: OverlayPort;
	/** The names to which the kernel maps the address now, and until when (wall clock, ms). */
	readonly learned: (address: string) => readonly { readonly name: string; readonly until: number }[];
	readonly status: () => Status;
	/** The exposition in parts, so that a large one does not block the event loop. */
	readonly metrics: () => { readonly contentType: string; readonly parts: AsyncIterable<string> };
	/** Why the daemon is unhealthy, or null. */
	readonly unhealthyReason: () => string | null;
	readonly ready: () => Readiness;
}

export interface PolicyPort {
	/** Null: an earlier daemon's policy is in force, and its text is unknown. */
	current(): PolicyDocument | null;
	/**
	 * Puts a policy in force, after the loads that were requested before. Rejects with Refusal 412 if `replaces` does not accept the
	 * ETag of the policy that is then in force, and with Refusal 503 if too many loads wait or the
	 * policy is not checked in time.
	 */
	load(text: string, replaces: (etag: string | null) => boolean): Promise<PolicyLoad>;
	/** Reloads the policy file; null: the daemon has none. Rejects like `load`, except with 412. */
	reload(): Promise<PolicyLoad | null>;
	/** Reads and compiles a policy without putting it in force. Rejects with Refusal 503 as `load` does. */
	check(text: string): Promise<PolicyCheck>;
	/** Null: the policy in force is unknown. Throws Refusal 400 for an invalid request. */
	explain(request: ExplainRequest): Explanation | null;
	/** The rules of the policy in force whose domains cover the name. */
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
	readonly warnings: readonly PolicyProblem[];
}
