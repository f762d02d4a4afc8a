/** A segment, or a span of parts of the level below. */
export interface Part {
	readonly id: number;
	/** Ids from `low` up to `high`, which is not in it. */
	readonly low: number;
	readonly high: number;
	/** Of the level above; 0: in none. */
	span: number;
}
