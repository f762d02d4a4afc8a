/** The policy in force is not the one that the caller wants to replace. */
export class StaleError extends Error {
	/** Of the policy in force; null: it is unknown. */
	readonly etag: string | null;

	constructor(etag: string | null) {
		super("another policy is in force");
		this.name = "StaleError";
		this.etag = etag;
	}
}

/** An earlier daemon's policy is in force, above which no overlay can be put. */
export class UnknownPolicyError extends Error {
	constructor() {
		super("the policy in force was loaded by an earlier daemon, and its text is unknown");
		this.name = "UnknownPolicyError";
	}
}
