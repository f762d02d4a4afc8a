import { COUNT, REASONS, VERDICTS } from "./layout.ts";

/** The "verdict" under which decisions that mode observe turned from deny into allow are counted. */
export const ALLOWED_OBSERVING = 0;

/**
 * Index in the map `counters` of the decisions of a phase, a verdict (or ALLOWED_OBSERVING) and a reason: enum
 * sp_counter.
 */
export function decisionCounter(phase: number, verdict: number, reason: number): number {
	return COUNT.decision + (phase * VERDICTS + verdict) * REASONS + reason;
}
