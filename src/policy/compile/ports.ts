import { PROTOCOL } from "../../native/layout.ts";
import type { PortRange, Rule } from "../model.ts";
import type { Intervals } from "./intervals.ts";
import type { VectorStore } from "./vectors.ts";

/**
 * The intervals of protocols and ports, with the key (protocol << 16) | port. Ranges may overlap, so the sweep counts
 * how often each rule is open.
 */
export function intervalsOfPorts(rules: readonly Rule[], store: VectorStore): Intervals {
	const everywhere = rules.filter(({ to }) => to.ports === null && to.protocol === null).map((rule) => rule.index);
	const changes: { at: number; rule: number; by: 1 | -1 }[] = [];
	for (const rule of rules) {
		for (const { low, high } of keyRanges(rule)) {
			changes.push({ at: low, rule: rule.index, by: 1 }, { at: high + 1, rule: rule.index, by: -1 });
		}
	}
	changes.sort((a, b) => a.at - b.at);

	const open = new Map<number, number>(everywhere.map((rule) => [rule, 1]));
	const ends: number[] = [];
	const vectors: number[] = [];
	const close = (end: number) => {
		const vector = store.of(open.keys());
		if (vectors.at(-1) === vector) {
			ends.pop();
			vectors.pop();
		}
		ends.push(end);
		vectors.push(vector);
	};
	let from = 0;
	for (const { at, rule, by } of changes) {
		if (at > from) close(at - 1);
		from = at;
		const times = (open.get(rule) ?? 0) + by;
		if (times === 0) open.delete(rule);
		else open.set(rule, times);
	}
	close(0xffffffff);
	return { lanes: 1, ends: Uint32Array.from(ends), vectors: Uint32Array.from(vectors), count: ends.length };
}

/** Inclusive ranges of keys. A condition on ports matches TCP and UDP only, one on the protocol all of its keys. */
function keyRanges({ to: { ports, protocol } }: Rule): PortRange[] {
	if (ports === null) return (protocol ?? []).map((number) => ({ low: number << 16, high: (number << 16) | 0xffff }));
	return [PROTOCOL.tcp, PROTOCOL.udp]
		.filter((number) => protocol === null || protocol.includes(number))
		.flatMap((number) => ports.map(({ low, high }) => ({ low: (number << 16) | low, high: (number << 16) | high })));
}
