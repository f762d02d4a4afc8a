/** Result of comparing a capture with its row of the manifest. */
export interface Outcome {
	/** tls, quic, dns, http, or "none" for captures that must yield no name. */
	readonly protocol: string;
	readonly kind: "agreed" | "disagreed" | "uncovered";
	/** The expected or found value. */
	readonly what: string;
	/** For "agreed": "". */
	readonly reason: string;
}

export interface Pair<Theirs, Ours> {
	readonly both: readonly (readonly [Theirs, Ours])[];
	readonly theirs: readonly Theirs[];
	readonly ours: readonly Ours[];
}

/** Pairs equal items, each used once. */
export function pair<Theirs, Ours>(
	theirs: readonly Theirs[],
	ours: readonly Ours[],
	keyOfTheirs: (one: Theirs) => string,
	keyOfOurs: (one: Ours) => string,
): Pair<Theirs, Ours> {
	const waiting = Map.groupBy(ours, keyOfOurs);
	const both: [Theirs, Ours][] = [];
	const left: Theirs[] = [];
	for (const one of theirs) {
		const found = waiting.get(keyOfTheirs(one))?.shift();
		if (found === undefined) left.push(one);
		else both.push([one, found]);
	}
	return { both, theirs: left, ours: [...waiting.values()].flat() };
}

/** The name as tshark prints it: invalid UTF-8 becomes U+FFFD. Compared without case. */
export function nameKey(latin1: string | null): string {
	return latin1 === null || latin1 === "" ? "(none)" : Buffer.from(latin1, "latin1").toString("utf8").toLowerCase();
}
