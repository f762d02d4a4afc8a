/** Interleaved rounds: every round runs each variant once, and each round starts with a different variant. */

export type Variant = () => Promise<number>;

export interface Rounds<Name extends string> {
	/** Median over the rounds of each variant [ns]. */
	readonly median: Record<Name, number>;
	/** Median of variant / baseline within the same round, which cancels drift. */
	readonly ratio: Record<Name, number>;
	readonly rounds: number;
}

export async function interleave<Name extends string>(
	rounds: number,
	baseline: NoInfer<Name>,
	variants: Record<Name, Variant>,
): Promise<Rounds<Name>> {
	const names = Object.keys(variants) as Name[];
	const times = new Map<Name, number[]>(names.map((name) => [name, []]));
	for (const name of names) await variants[name](); // warm-up
	for (let round = 0; round < rounds; round++) {
		for (let at = 0; at < names.length; at++) {
			const name = names[(at + round) % names.length] as Name;
			times.get(name)?.push(await variants[name]());
		}
	}
	const base = times.get(baseline) ?? [];
	const each = (make: (own: number[]) => number) =>
		Object.fromEntries(names.map((name) => [name, make(times.get(name) ?? [])])) as Record<Name, number>;
	return {
		median: each(median),
		ratio: each((own) => median(own.map((time, at) => time / (base[at] ?? time)))),
		rounds,
	};
}

export function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
