/** A way around the policy, and its result. */
import type { Fixture } from "./fixture.ts";
import type { Target } from "./target.ts";

export interface Row {
	/** A letter for the area (S: sockets, N: names, X: other) and a number. A final letter distinguishes variants. */
	readonly id: string;
	/** Description of the attempt. */
	readonly title: string;
	/** `stop`: no byte may arrive. `pass`: allowed traffic, which must still work. */
	readonly kind: "stop" | "pass";
	/** The likely attacker. */
	readonly who?: string;
	/** The attempt takes seconds, so it is not repeated without enforcement. */
	readonly costly?: boolean;
	/** The policy during the attempt; default: by address (policies.ts). */
	readonly policy?: (target: Target) => string;
	run(fixture: Fixture, target: Target): Promise<Attempt>;
}

export interface Attempt {
	/** The destinations of the attempt, to which arrived bytes and records belong. */
	readonly at: readonly Place[];
	/** For `pass`: whether the client succeeded. For `stop`: whether anything else was sent. */
	readonly ok?: boolean;
	/** The result that the client saw: an errno or a phrase. */
	readonly clientSaw?: string;
	/** The measurement of a row that makes its own fixture. */
	readonly measured?: { readonly bytes: number; readonly recorded: string };
}

export interface Place {
	readonly address: string;
	/** Protocol number; default: any. */
	readonly protocol?: number;
	readonly port?: number;
}

/** The result of a row. */
export interface Outcome {
	readonly row: Row;
	/** Transport payload that arrived at the destinations [bytes]: must be 0 for `stop`. */
	readonly arrived: number;
	readonly clientSaw: string;
	/** The daemon's record, for example "deny connect default". */
	readonly recorded: string;
	readonly held: boolean;
}
