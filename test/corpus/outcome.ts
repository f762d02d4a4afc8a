/** What came of comparing a capture with its row of the manifest. */
export interface Outcome {
	/** tls, quic, dns, http, or "none" for captures that must yield no name. */
	readonly protocol: string;
	readonly kind: "agreed" | "disagreed" | "uncovered";
	/** What was expected or found. */
	readonly what: string;
	/** Of "agreed": "". */
	readonly reason: string;
}

export interface Pair<Theirs, Ours> {
	readonly both: readonly (readonly [Theirs, Ours])[];
	readonly theirs: readonly Theirs[];
	readonly ours: readonly Ours[];
}

/** Pairs what is alike, each once. */
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

/** As tshark prints a name: bytes that are no UTF-8 become U+FFFD. Compared without case. */
export function nameKey(latin1: string | null): string {
	return latin1 === null || latin1 === "" ? "(none)" : Buffer.from(latin1, "latin1").toString("utf8").toLowerCase();
}
