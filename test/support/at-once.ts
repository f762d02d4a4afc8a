import { expect } from "vitest";

/**
 * Asserts that denied clients get their error immediately: the fastest one is compared with the median of allowed clients that
 * run alternately. A client that waits for a retransmission needs at least TCP_RTO_MIN (200 ms), and a busy machine delays only
 * some clients.
 */
export function expectAtOnce(denied: readonly number[], allowed: readonly number[]): void {
	const times = `denied ${denied.map(Math.round)}, allowed ${allowed.map(Math.round)}`;
	expect(Math.min(...denied), times).toBeLessThan(AT_ONCE * median(allowed));
}

const AT_ONCE = 5;

function median(values: readonly number[]): number {
	return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
