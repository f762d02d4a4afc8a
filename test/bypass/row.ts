/** A way around the policy, and what it did. */
import type { Fixture } from "./fixture.ts";
import type { Target } from "./target.ts";

export interface Row {
	/** As in the issue (S1, N5); what is not in its list is X and a number. A letter tells variants apart. */
	readonly id: string;
	/** What is tried, in a few words. */
	readonly title: string;
	/** `stop`: nothing may arrive. `pass`: allowed traffic, which must not be broken. */
	readonly kind: "stop" | "pass";
	/** Who would try it. */
	readonly who?: string;
	/** Takes seconds: not tried without a policy first. */
	readonly costly?: boolean;
	/** In force while it runs; by address (policies.ts) if none is given. */
	readonly policy?: (target: Target) => string;
	run(fixture: Fixture, target: Target): Promise<Attempt>;
}

export interface Attempt {
	/** Where to look for what arrived and for the daemon's record: the destinations that are tried. */
	readonly at: readonly Place[];
	/** Of `pass`: whether it worked, as the one who tried it sees it. Of `stop`: whether something else got out. */
	readonly ok?: boolean;
	/** What the client saw: an errno, or in words. */
	readonly clientSaw?: string;
	/** For a row with a fixture of its own: what that showed. */
	readonly measured?: { readonly bytes: number; readonly recorded: string };
}

export interface Place {
	readonly address: string;
	/** By number, as on the wire; any if not given. */
	readonly protocol?: number;
	readonly port?: number;
}

/** What came of it. */
export interface Outcome {
	readonly row: Row;
	/** Bytes of transport payload at the destinations that must have none (`stop`) or some (`pass`). */
	readonly arrived: number;
	readonly clientSaw: string;
	/** The daemon's record: "deny connect default". */
	readonly recorded: string;
	readonly held: boolean;
}
